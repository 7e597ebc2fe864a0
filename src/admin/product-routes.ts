import Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { signedIn } from '../accounts/session-cookie.ts';
import { NotFound } from '../base/errors.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import type { AdministratorOf } from './administrator.ts';
import { type EditingParts, editProduct, findWhole, moveProduct } from './product-editing.ts';
import { blank, productForm, typedAs, typedOf } from './product-form.ts';
import { productPage, productsPage, type Told } from './product-page.ts';
import { mayPublish, orAgain } from './publishing.ts';

type Parts = EditingParts & { administratorOf: AdministratorOf };

const stateForm = z.object({
  csrf: z.string().default(''),
  read: z.string().default(''),
  state: z.string().default(''),
  retiresOn: z.string().default(''),
  deprecationNotice: z.string().default(''),
});

/** A product's texts are longer than what other forms hold. */
const limit = '256kb';

const done: Readonly<Record<string, string>> = {
  made: 'The product is made, as a draft. Publish it when it is ready.',
  changed: 'Saved. It counts from now on.',
  state: 'The state is changed.',
};

/** What teams subscribe to: a publisher changes it, and every administrator reads it. */
export function productRoutes(parts: Parts): Router {
  const { pool, administratorOf } = parts;
  const router = new Router({ prefix: '/admin/products' });

  router.get('/', async (ctx) => {
    administratorOf(ctx);
    const like = typeof ctx.query.q === 'string' ? ctx.query.q.trim() : '';
    const after = typeof ctx.query.after === 'string' ? ctx.query.after : null;
    const page = await productsPage(pool, { like, after, mayEdit: mayPublish(ctx) });
    await ctx.render('admin/products', page);
  });

  router.get('/new', async (ctx) => {
    administratorOf(ctx, 'publisher');
    await show(ctx, parts, null, {});
  });

  router.post('/new', async (ctx) => {
    const doer = administratorOf(ctx, 'publisher');
    const form = await readForm(ctx, productForm, { limit });
    checkCsrf(ctx, form.csrf);
    const typed = typedOf(form);
    const id = await orShown(ctx, parts, null, { typed }, () =>
      editProduct(parts, doer, typed, null),
    );
    if (id !== undefined) goTo(ctx, `/admin/products/${id}?done=made`);
  });

  router.get('/:id', async (ctx) => {
    administratorOf(ctx);
    const word = typeof ctx.query.done === 'string' ? ctx.query.done : '';
    const said = Object.hasOwn(done, word) ? done[word] : undefined;
    await show(ctx, parts, idOf(ctx), { done: said ?? null });
  });

  router.post('/:id', async (ctx) => {
    const doer = administratorOf(ctx, 'publisher');
    const form = await readForm(ctx, productForm, { limit });
    checkCsrf(ctx, form.csrf);
    const typed = typedOf(form);
    const before = { id: idOf(ctx), read: form.read };
    const id = await orShown(ctx, parts, before.id, { typed }, () =>
      editProduct(parts, doer, typed, before),
    );
    if (id !== undefined) goTo(ctx, `/admin/products/${id}?done=changed`);
  });

  router.post('/:id/state', async (ctx) => {
    const doer = administratorOf(ctx, 'publisher');
    const { csrf, read, ...moved } = await readForm(ctx, stateForm, { limit });
    checkCsrf(ctx, csrf);
    const id = idOf(ctx);
    const moving = async () => {
      await moveProduct(parts, doer, { id, read }, moved);
      return id;
    };
    const well = await orShown(ctx, parts, id, { moved }, moving);
    if (well) goTo(ctx, `/admin/products/${id}?done=state#state`);
  });

  return router;
}

const idOf = (ctx: Context): string => String(ctx.params.id);

/** The same page again, with what is wrong. */
const orShown = <T>(
  ctx: Context,
  parts: Parts,
  id: string | null,
  told: Told,
  work: () => Promise<T>,
): Promise<T | undefined> =>
  orAgain(ctx, work, (refusal) => show(ctx, parts, id, { ...told, ...refusal }));

async function show(ctx: Context, { pool }: Parts, id: string | null, told: Told): Promise<void> {
  const product = id === null ? null : await findWhole(pool, id);
  if (product === undefined) throw new NotFound('no_product', 'There is no such product.');
  const { before } = ctx.query;
  const page = await productPage(pool, product, {
    typed: product ? typedAs(product) : blank,
    told,
    mayEdit: mayPublish(ctx),
    reader: signedIn(ctx).id,
    before: typeof before === 'string' && /^\d{1,18}$/.test(before) ? before : null,
  });
  await ctx.render('admin/product', page);
}
