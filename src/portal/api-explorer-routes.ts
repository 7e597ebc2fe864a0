import Router from '@koa/router';
import type { Context } from 'koa';
import { accountOf } from '../accounts/session-cookie.ts';
import { NotFound } from '../base/errors.ts';
import { urlOf } from '../base/url.ts';
import { consoleCallbackPath } from '../clients/client.ts';
import { consoleClientId } from '../clients/service.ts';
import type { Db } from '../db/pool.ts';
import { allowConnectTo, keepPopups } from '../http/security-headers.ts';
import { findDocumentText, findSeenApi, type SeenApi } from '../products/catalogue-api-store.ts';
import { type Offer, offersOf } from './api-access.ts';
import { explorerDocument } from './api-explorer.ts';
import { openSwaggerFile, swaggerFile } from './api-explorer-files.ts';
import { keyHeaderOf } from './console-operation.ts';
import { textOf } from './subscription-words.ts';

/** An API's document in Swagger UI, set up for this server and the viewer's own subscription. */
export function apiExplorerRoutes({ pool, baseUrl }: { pool: Db; baseUrl: string }): Router {
  const router = new Router();

  /** What the viewer has comes first, then the sandbox. @throws {NotFound} */
  async function openedApi(ctx: Context): Promise<{ api: SeenApi; offers: [Offer, ...Offer[]] }> {
    const viewer = accountOf(ctx)?.id ?? null;
    const version = textOf(ctx.query.version) || null;
    const api = await findSeenApi(pool, { viewer, id: String(ctx.params.id), version });
    const all = api ? await offersOf(pool, { viewer, id: api.id, version: api.version }) : [];
    const [first, ...rest] = all.toSorted((a, b) => usable(b) - usable(a));
    if (!api || !first) throw new NotFound('no_api', 'There is no such API.');
    return { api, offers: [first, ...rest] };
  }

  router.get('/apis/:id/swagger-ui', async (ctx) => {
    const { api, offers } = await openedApi(ctx);
    const [offer] = offers;
    const right = offer.environment === 'sandbox' ? offer.rights[0] : undefined;
    keepPopups(ctx);
    allowConnectTo(ctx, [
      ...new Set(offers.flatMap(({ baseUrl: url }) => urlOf(url)?.origin ?? [])),
    ]);
    const query = new URLSearchParams({ version: api.version });
    await ctx.render('portal/api-swagger', {
      id: api.id,
      name: api.name,
      query: api.current ? '' : `?${query}`,
      productId: offer.productId,
      productName: offer.productName,
      signedIn: accountOf(ctx) !== null,
      clientId: right ? consoleClientId(right.subscriptionId) : '',
      redirectUri: `${baseUrl}${consoleCallbackPath}`,
      documentUrl: `/apis/${api.id}/swagger-ui/openapi.json?${query}`,
      files: {
        script: swaggerFile('swagger-ui-bundle.js'),
        sheet: swaggerFile('swagger-ui.css'),
      },
    });
  });

  router.get('/apis/:id/swagger-ui/openapi.json', async (ctx) => {
    const { api, offers } = await openedApi(ctx);
    const document = JSON.parse((await findDocumentText(pool, api)) ?? '{}');
    ctx.set('Cache-Control', 'private, no-cache');
    ctx.body = explorerDocument(document, { offers, baseUrl, keyHeader: keyHeaderOf(document) });
  });

  router.get('/swagger-ui/:version/:file', async (ctx) => {
    const file = openSwaggerFile(ctx.path);
    if (!file) throw new NotFound('no_page', 'There is no such file.');
    ctx.set('Cache-Control', 'public, max-age=31536000, immutable');
    ctx.type = file.name;
    ctx.body = file.stream;
  });

  return router;
}

/** A console client comes with subscriptions of the sandbox only. */
const usable = ({ rights, environment }: Offer): number =>
  (environment === 'sandbox' ? 1 : 0) + (rights.length > 0 ? 2 : 0);
