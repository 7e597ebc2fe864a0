import Router from '@koa/router';
import type { Context } from 'koa';
import { accountOf } from '../accounts/session-cookie.ts';
import { NotFound } from '../base/errors.ts';
import { urlOf } from '../base/url.ts';
import { consoleCallbackPath } from '../clients/client.ts';
import { consoleClientId } from '../clients/service.ts';
import type { Db } from '../db/pool.ts';
import { allowConnectTo, allowInlineStyles, keepPopups } from '../http/security-headers.ts';
import { findDocumentText, findSeenApi, type SeenApi } from '../products/catalogue-api-store.ts';
import { type Offer, offersOf } from './api-access.ts';
import { type ExplorerClient, explorerDocument } from './api-explorer.ts';
import { addressesOf, openToolFile, type Tool } from './api-explorer-files.ts';
import { textOf } from './subscription-words.ts';

/** An API's document in Swagger UI and Scalar, set up for this server and the viewer's own subscription. */
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

  /** What the page of a tool is made of; it may call the API from here. */
  async function toolPage(ctx: Context, tool: Tool): Promise<object> {
    const { api, offers } = await openedApi(ctx);
    const [offer] = offers;
    keepPopups(ctx);
    allowConnectTo(ctx, [
      ...new Set(offers.flatMap(({ baseUrl: url }) => urlOf(url)?.origin ?? [])),
    ]);
    const query = new URLSearchParams({ version: api.version });
    return {
      id: api.id,
      name: api.name,
      query: api.current ? '' : `?${query}`,
      productId: offer.productId,
      productName: offer.productName,
      signedIn: accountOf(ctx) !== null,
      client: clientOf(offer, baseUrl),
      documentUrl: `/apis/${api.id}/${tool}/openapi.json?${query}`,
      files: addressesOf(tool),
    };
  }

  router.get('/apis/:id/swagger-ui', async (ctx) =>
    ctx.render('portal/api-swagger', await toolPage(ctx, 'swagger-ui')),
  );

  router.get('/apis/:id/scalar', async (ctx) => {
    const page = await toolPage(ctx, 'scalar');
    allowInlineStyles(ctx); // its bundle brings its style sheet along, and writes it into the page
    await ctx.render('portal/api-scalar', page, { layout: 'tool-layout' });
  });

  router.get(
    ['/apis/:id/swagger-ui/openapi.json', '/apis/:id/scalar/openapi.json'],
    async (ctx) => {
      const { api, offers } = await openedApi(ctx);
      const document = JSON.parse((await findDocumentText(pool, api)) ?? '{}');
      ctx.set('Cache-Control', 'private, no-cache');
      const client = clientOf(offers[0], baseUrl);
      ctx.body = explorerDocument(document, { offers, baseUrl, client });
    },
  );

  router.get(['/swagger-ui/:version/:file', '/scalar/:version/:file'], async (ctx) => {
    const file = openToolFile(ctx.path);
    if (!file) throw new NotFound('no_page', 'There is no such file.');
    ctx.set('Cache-Control', 'public, max-age=31536000, immutable');
    ctx.type = file.name;
    ctx.body = file.stream;
  });

  return router;
}

/** The viewer's own, that of a subscription to what is offered; empty: they have none. */
function clientOf({ environment, rights }: Offer, baseUrl: string): ExplorerClient {
  const right = environment === 'sandbox' ? rights[0] : undefined;
  const id = right ? consoleClientId(right.subscriptionId) : '';
  return { id, redirectUri: `${baseUrl}${consoleCallbackPath}` };
}

/** A console client comes with subscriptions of the sandbox only. */
const usable = ({ rights, environment }: Offer): number =>
  (environment === 'sandbox' ? 1 : 0) + (rights.length > 0 ? 2 : 0);
