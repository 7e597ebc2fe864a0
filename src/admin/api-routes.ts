import Router from '@koa/router';
import type { Context } from 'koa';
import { stringify } from 'yaml';
import { z } from 'zod';
import { signedIn } from '../accounts/session-cookie.ts';
import { NotFound } from '../base/errors.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import { findApiDocument } from '../products/api-store.ts';
import type { AdministratorOf } from './administrator.ts';
import { type ApiChange, changeApi, findApi, makeApi } from './api-editing.ts';
import { apiPage, apisPage, type ToldOfApi } from './api-page.ts';
import type { EditingParts } from './product-editing.ts';
import { mayPublish, orAgain } from './publishing.ts';

type Parts = EditingParts & { administratorOf: AdministratorOf };

const text = z
  .string()
  .default('')
  .transform((value) => value.replace(/\r\n?/g, '\n'));
const form = z.object({
  csrf: z.string().default(''),
  read: z.string().default(''),
  id: z.string().trim().default(''),
  document: text,
  baseUrls: text,
  current: z.string().default(''),
  version: z.string().default(''),
  keyHeader: z.string().trim().default(''),
  keyParameter: z.string().trim().default(''),
  cors: z.string().default(''),
});
type Form = z.infer<typeof form>;

/** An OpenAPI document of a megabyte, as forms send it. */
const limit = '4mb';

/** By the last word of the address that a form is sent to. */
const changes: Readonly<Record<string, (given: Form) => ApiChange>> = {
  document: ({ document, current }) => ({
    kind: 'document',
    text: document,
    current: current === 'yes',
  }),
  current: ({ version }) => ({ kind: 'current', version }),
  remove: ({ version }) => ({ kind: 'remove', version }),
  'base-urls': ({ baseUrls }) => ({ kind: 'baseUrls', text: baseUrls }),
  calls: ({ keyHeader, keyParameter, cors }) => ({
    kind: 'calls',
    keyHeader,
    keyParameter,
    cors: cors === 'yes',
  }),
};

const done: Readonly<Record<string, string>> = {
  made: 'The API is there. Products can open it.',
  document: 'The document is kept.',
  current: 'Another version is the current one.',
  remove: 'The version is gone.',
  'base-urls': 'The base URLs are saved.',
  calls: 'Saved. It counts from now on.',
};

/** The APIs of the catalogue, their versions and where they are reached. */
export function apiRoutes(parts: Parts): Router {
  const { pool, administratorOf } = parts;
  const router = new Router({ prefix: '/admin/apis' });

  router.get('/', async (ctx) => {
    administratorOf(ctx);
    await ctx.render('admin/apis', await apisPage(pool, { mayEdit: mayPublish(ctx) }));
  });

  const showNew = (ctx: Context, told: ToldOfApi): Promise<void> =>
    ctx.render('admin/api-new', {
      errors: told.errors ?? {},
      typed: { id: '', document: '', baseUrls: '', ...told.typed },
    });

  router.get('/new', async (ctx) => {
    administratorOf(ctx, 'publisher');
    await showNew(ctx, {});
  });

  router.post('/new', async (ctx) => {
    const doer = administratorOf(ctx, 'publisher');
    const { csrf, id: named, document, baseUrls } = await readForm(ctx, form, { limit });
    checkCsrf(ctx, csrf);
    const typed = { id: named, document, baseUrls };
    const id = await orAgain(
      ctx,
      () => makeApi(parts, doer, typed),
      (told) => showNew(ctx, { ...told, typed }),
    );
    if (id) goTo(ctx, `/admin/apis/${id}?done=made`);
  });

  router.get('/:id', async (ctx) => {
    administratorOf(ctx);
    const word = typeof ctx.query.done === 'string' ? ctx.query.done : '';
    const said = Object.hasOwn(done, word) ? done[word] : undefined;
    await show(ctx, parts, { done: said ?? null });
  });

  router.get('/:id/document', async (ctx) => {
    administratorOf(ctx);
    const { version } = ctx.query;
    const asked = {
      apiId: String(ctx.params.id),
      version: typeof version === 'string' ? version : null,
    };
    const document = await findApiDocument(pool, asked);
    if (!document) throw new NotFound('no_version', 'There is no such version.');
    ctx.attachment(`${asked.apiId}.yaml`);
    ctx.type = 'application/yaml';
    ctx.body = stringify(document, { lineWidth: 100, aliasDuplicateObjects: false });
  });

  for (const [word, changeOf] of Object.entries(changes)) {
    router.post(`/:id/${word}`, async (ctx) => {
      const doer = administratorOf(ctx, 'publisher');
      const given = await readForm(ctx, form, { limit });
      checkCsrf(ctx, given.csrf);
      const before = { id: String(ctx.params.id), read: given.read };
      const changing = async () => {
        await changeApi(parts, doer, before, changeOf(given));
        return before.id;
      };
      const typed = {
        ...(word === 'document' && { document: given.document }),
        ...(word === 'base-urls' && { baseUrls: given.baseUrls }),
        ...(word === 'calls' && {
          keyHeader: given.keyHeader,
          keyParameter: given.keyParameter,
          cors: given.cors === 'yes',
        }),
      };
      const id = await orAgain(ctx, changing, (told) => show(ctx, parts, { ...told, typed }));
      if (id) goTo(ctx, `/admin/apis/${id}?done=${word}`);
    });
  }

  return router;
}

async function show(ctx: Context, { pool }: Parts, told: ToldOfApi): Promise<void> {
  const api = await findApi(pool, String(ctx.params.id));
  if (!api) throw new NotFound('no_api', 'There is no such API.');
  const page = await apiPage(pool, api, {
    told,
    mayEdit: mayPublish(ctx),
    reader: signedIn(ctx).id,
  });
  await ctx.render('admin/api', page);
}
