import Router from '@koa/router';
import { consoleCallbackPath } from '../clients/client.ts';
import { goTo } from '../http/go-to.ts';
import { keepOpener, keepPopups } from '../http/security-headers.ts';

export type StartPage = {
  /** The public origin. */
  baseUrl: string;
  /** The console's client of the subscription to try; null where the programme has none. */
  consoleClientId: string | null;
  /** False where an organisation has a portal of its own: then products are the first page. */
  portal?: boolean;
  sampleApi: { url: string; metadata: string };
};

/**
 * The first page a newcomer sees: one click to a token, one more to an API's answer. It keeps an
 * address of its own for whoever is signed in, to whom `/` is home.
 */
export function portalRoutes({ baseUrl, consoleClientId, portal, sampleApi }: StartPage): Router {
  const router = new Router();
  if (portal === false) return router.get('/', async (ctx) => goTo(ctx, '/products'));
  const issuers = { sandbox: `${baseUrl}/sandbox`, live: `${baseUrl}/live` };

  router.get(['/', '/try'], async (ctx) => {
    keepPopups(ctx);
    await ctx.render('start/home', {
      issuers,
      console: consoleClientId && {
        clientId: consoleClientId,
        authorizationEndpoint: `${issuers.sandbox}/auth`,
        tokenEndpoint: `${issuers.sandbox}/token`,
        redirectUri: `${baseUrl}${consoleCallbackPath}`,
        scope: '', // the client's default scopes
      },
      sample: { url: `${sampleApi.url}/Patient`, metadata: sampleApi.metadata },
    });
  });

  router.get(consoleCallbackPath, async (ctx) => {
    keepOpener(ctx);
    await ctx.render('start/callback', {});
  });

  return router;
}
