import Router from '@koa/router';
import type { Context } from 'koa';
import type pg from 'pg';
import { z } from 'zod';
import { freshDoerOf } from '../accounts/doer.ts';
import { accountOf } from '../accounts/session-cookie.ts';
import { environments } from '../base/environment.ts';
import { Conflict, InvalidInput, NotFound } from '../base/errors.ts';
import { timeInWords } from '../base/in-words.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import { listSuspensions, suspensionsOf } from '../suspensions/store.ts';
import type { Stopped } from '../suspensions/suspension.ts';
import type { AdministratorOf } from './administrator.ts';
import { stoppedOf, switchRoles, thingInWords } from './switch.ts';
import { lift, suspend } from './switch-service.ts';
import { findTarget } from './switch-store.ts';

const form = z.object({
  csrf: z.string().default(''),
  reason: z.string().max(2000).default(''),
  name: z.string().max(300).default(''),
});

const done: Readonly<Record<string, string>> = {
  suspended: 'It is suspended: from now on it gets no tokens.',
  lifted: 'The suspension is lifted.',
};

type Parts = { pool: pg.Pool; baseUrl: string; administratorOf: AdministratorOf };
/** What was sent before, shown again. */
type Earlier = { reason?: string; name?: string; errors?: Readonly<Record<string, string>> };

/** The kill switch: what is suspended, and the page to suspend one thing or to lift that. */
export function switchRoutes(parts: Parts): Router {
  const { pool, administratorOf } = parts;
  const router = new Router({ prefix: '/admin/switch' });

  router.get('/', async (ctx) => {
    administratorOf(ctx);
    const all = await listSuspensions(pool);
    const shown = all.map((one) => ({
      ...one,
      what: thingInWords(one, one.name ?? one.id),
      since: timeInWords(one.suspendedAt),
      by: one.by ?? 'the operator',
    }));
    await ctx.render('admin/switch', {
      done: (typeof ctx.query.done === 'string' && done[ctx.query.done]) || null,
      environments: environments.map((id) => ({
        id,
        suspended:
          shown.find(({ kind, id: other }) => kind === 'environment' && other === id) ?? null,
      })),
      suspended: shown.filter(({ kind }) => kind !== 'environment'),
    });
  });

  const show = async (ctx: Context, stopped: Stopped, earlier: Earlier = {}): Promise<void> => {
    const [target, [suspension]] = await Promise.all([
      findTarget(pool, stopped),
      suspensionsOf(pool, [stopped]),
    ]);
    if (!target && !suspension)
      throw new NotFound('no_such_thing', 'There is nothing of that name.');
    const role = switchRoles[stopped.kind];
    const roles = accountOf(ctx)?.roles ?? [];
    await ctx.render('admin/switch-one', {
      ...stopped,
      what: thingInWords(stopped, target?.name ?? stopped.id),
      name: target?.name ?? stopped.id,
      suspended: suspension && {
        reason: suspension.reason,
        since: timeInWords(suspension.suspendedAt),
      },
      may: roles.includes(role) || roles.includes('owner'),
      needs: role,
      reason: earlier.reason ?? '',
      typed: earlier.name ?? '',
      errors: earlier.errors ?? {},
    });
  };

  router.get('/:kind/:id', async (ctx) => {
    administratorOf(ctx);
    await show(ctx, stoppedOf(ctx.params.kind, ctx.params.id));
  });

  for (const [path, deed, word] of [
    ['suspend', suspend, 'suspended'],
    ['lift', lift, 'lifted'],
  ] as const) {
    router.post(`/:kind/:id/${path}`, async (ctx) => {
      administratorOf(ctx);
      const stopped = stoppedOf(ctx.params.kind, ctx.params.id);
      const doer = administratorOf(ctx, switchRoles[stopped.kind]);
      freshDoerOf(ctx);
      const { csrf, reason, name } = await readForm(ctx, form);
      checkCsrf(ctx, csrf);
      try {
        if (path === 'suspend') mustMeanIt(stopped, name);
        await deed(parts, doer, { ...stopped, reason });
        goTo(ctx, `/admin/switch?done=${word}`);
      } catch (error) {
        if (!(error instanceof InvalidInput || error instanceof Conflict)) throw error;
        const errors = error instanceof InvalidInput ? error.fields : { form: error.message };
        await show(ctx, stopped, { reason, name, errors });
        ctx.status = error instanceof Conflict ? 409 : 422;
      }
    });
  }

  return router;
}

/** @throws {InvalidInput} */
function mustMeanIt({ kind, id }: Stopped, typed: string): void {
  if (kind !== 'environment' || typed.trim().toLowerCase() === id) return;
  throw new InvalidInput({ name: `Type ${id} to show that you mean all of it.` });
}
