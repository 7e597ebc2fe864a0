import Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { doerOf, freshDoerOf } from '../accounts/doer.ts';
import { accountOf } from '../accounts/session-cookie.ts';
import { Busy, NotFound, TooMany } from '../base/errors.ts';
import type { Throttle } from '../db/throttle.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import { keepPopups } from '../http/security-headers.ts';
import { revealKey } from '../subscriptions/key-service.ts';
import { listKeys } from '../subscriptions/key-store.ts';
import { consolePage, firstOperationOf } from './console-page.ts';
import { type Ask, askForToken } from './console-token.ts';
import { Refused } from './relay-refusal.ts';
import { type RelayParts, type Sending, send } from './relay-service.ts';

export type ConsoleParts = RelayParts & {
  /** Calls and token requests that one account can have made. */
  throttle: Throttle;
  /**
   * Passwords that one account can have tried: at the token endpoint they all come from this
   * server's own address, and would be counted for everybody.
   */
  passwords: Throttle;
};

const text = z.string().default('');
const sendForm = z.object({
  csrf: text,
  api: text,
  base: text,
  operation: text,
  method: text,
  path: text,
  query: text,
  headers: text,
  body: text,
  token: text,
  subscription: text,
  slot: text,
  key: text,
});
const tokenForm = z.object({
  csrf: text,
  subscription: text,
  grant: z.enum(['client_credentials', 'password']),
  scope: z.string().max(4000).default(''),
  client: z.enum(['test', 'own']).default('test'),
  client_id: text,
  client_secret: text,
  user: z.enum(['test', 'own']).default('test'),
  test_user: text,
  username: text,
  password: text,
});
const revealForm = z.object({ csrf: text, subscription: text, slot: text });

/** Calls of one account that run at the same time, here, and of all: each may hold megabytes. */
const mostAtOnce = { ofOne: 6, ofAll: 40 };

/** What the console's page asks of us while it is open; it is answered in JSON. */
export function consoleRoutes(parts: ConsoleParts): Router {
  const { pool, throttle, passwords } = parts;
  const router = new Router({ prefix: '/console' });
  const running = new Map<string, number>();
  let all = 0;

  /** Counted before it is made, and not too many at once. */
  async function counted<T>(ctx: Context, account: string, deed: () => Promise<T>): Promise<T> {
    const now = running.get(account) ?? 0;
    if (now >= mostAtOnce.ofOne) {
      throw new TooMany('too_many_calls', 'Wait for the calls under way.', 5);
    }
    if (all >= mostAtOnce.ofAll) {
      throw new Busy('console_busy', 'Many calls are under way. Send yours again.', 5);
    }
    running.set(account, now + 1);
    all += 1;
    try {
      await throttle.attempt({ name: account, address: ctx.ip });
      return await deed();
    } finally {
      all -= 1;
      const left = (running.get(account) ?? 1) - 1;
      if (left > 0) running.set(account, left);
      else running.delete(account);
    }
  }

  /** What is refused is said with the check that failed and what mends it. */
  async function answer(ctx: Context, deed: () => Promise<object>): Promise<void> {
    ctx.set('Cache-Control', 'no-store');
    try {
      ctx.body = await deed();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      ctx.status = 422;
      ctx.body = { error: error.code, error_description: error.message, link: error.link ?? null };
    }
  }

  router.get('/:api', async (ctx) => {
    const viewer = accountOf(ctx)?.id ?? null;
    const apiId = String(ctx.params.api);
    const operation = await firstOperationOf(pool, { viewer, apiId });
    if (!operation) throw new NotFound('no_api', 'There is no such API in the sandbox.');
    goTo(ctx, `/console/${encodeURIComponent(apiId)}/${operation}${ctx.search}`);
  });

  router.get('/:api/:operation', async (ctx) => {
    keepPopups(ctx);
    const page = await consolePage(pool, {
      viewer: accountOf(ctx)?.id ?? null,
      apiId: String(ctx.params.api),
      operationId: String(ctx.params.operation),
      subscription: String(ctx.query.subscription ?? ''),
      baseUrl: parts.baseUrl,
    });
    if (!page) throw new NotFound('no_operation', 'There is no such operation in the sandbox.');
    await ctx.render('portal/console', page);
  });

  router.post('/send', async (ctx) => {
    const viewer = doerOf(ctx).actor.id;
    const { csrf, ...form } = await readForm(ctx, sendForm, { limit: '4mb' });
    checkCsrf(ctx, csrf);
    const sending = { ...form, viewer, apiId: form.api, baseUrl: form.base, key: keyOf(form) };
    await answer(ctx, () => counted(ctx, viewer, () => send(parts, sending)));
  });

  router.post('/token', async (ctx) => {
    const viewer = doerOf(ctx).actor.id;
    const { csrf, ...form } = await readForm(ctx, tokenForm);
    checkCsrf(ctx, csrf);
    const asked = () => askForToken(parts, { viewer, address: ctx.ip, ...askOf(form) });
    const tried = async () => {
      const who = { name: viewer, address: ctx.ip };
      await passwords.attempt(who);
      const told = await asked();
      // counts for itself alone: those that were wrong were of others
      if (told.token) await passwords.succeeded(who, '');
      return told;
    };
    await answer(ctx, () => counted(ctx, viewer, form.grant === 'password' ? tried : asked));
  });

  /** The audited reveal of the subscription's page, for the request that is on the screen. */
  router.post('/reveal', async (ctx) => {
    const doer = freshDoerOf(ctx);
    const { csrf, subscription: subscriptionId, slot } = await readForm(ctx, revealForm);
    checkCsrf(ctx, csrf);
    const keyId = (await listKeys(pool, subscriptionId)).find((one) => one.slot === slot)?.id ?? '';
    await answer(ctx, async () => ({
      key: await revealKey(parts, doer, { subscriptionId, keyId }),
    }));
  });

  return router;
}

function keyOf(
  form: Pick<z.infer<typeof sendForm>, 'subscription' | 'slot' | 'key'>,
): Sending['key'] {
  const { subscription, slot, key } = form;
  if (key !== '') return { typed: key };
  return subscription === '' ? null : { subscriptionId: subscription, slot };
}

function askOf(form: Omit<z.infer<typeof tokenForm>, 'csrf'>): Omit<Ask, 'viewer' | 'address'> {
  const { subscription, grant, scope, client_id: id, client_secret: secret } = form;
  const { username, password, test_user: testUser } = form;
  return {
    subscriptionId: subscription,
    grant,
    scope,
    client: form.client === 'own' ? { id, secret } : null,
    user: form.user === 'own' ? { username, password } : { testUser },
  };
}
