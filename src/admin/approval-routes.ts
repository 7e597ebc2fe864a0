import Router from '@koa/router';
import type { Context } from 'koa';
import type pg from 'pg';
import { z } from 'zod';
import type { AccountDoer } from '../accounts/doer.ts';
import { accountOf } from '../accounts/session-cookie.ts';
import { Conflict, Forbidden, InvalidInput, NotFound } from '../base/errors.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import { approve, changeEnd, reject, resume, suspend } from '../subscriptions/decision-service.ts';
import { shelves } from '../subscriptions/overview-store.ts';
import type { SubscriptionParts } from '../subscriptions/service.ts';
import type { AdministratorOf } from './administrator.ts';
import {
  approvalPage,
  type Deed,
  deeds,
  queuePage,
  type Tried,
  whatHappened,
} from './approval-page.ts';

type Parts = SubscriptionParts & { pool: pg.Pool; administratorOf: AdministratorOf };

/** A tick box of each scope is a field of its own: `scope user/Patient.rs`. */
const decisionForm = z.looseObject({
  csrf: z.string().default(''),
  reason: z.string().default(''),
  until: z.string().default(''),
  read: z.string().optional(),
  scopes: z.string().optional(),
});
const tickBox = 'scope ';

const done: Readonly<Record<string, string>> = {
  approve: 'Approved. The team was told.',
  reject: 'Rejected. The team was told.',
  suspend: 'Suspended. It opens nothing from now on, and the team was told.',
  resume: 'Active again. The team was told.',
  end: 'The end is changed. The team was told.',
};

/** What waits for an approver, and each request with what becomes of it. */
export function approvalRoutes(parts: Parts): Router {
  const { pool, administratorOf } = parts;
  const router = new Router({ prefix: '/admin/approvals' });

  router.get('/', async (ctx) => {
    administratorOf(ctx);
    const shelf = shelves.find((one) => one === ctx.query.show) ?? 'waiting';
    const after = typeof ctx.query.after === 'string' ? ctx.query.after : null;
    await ctx.render('admin/approvals', await queuePage(pool, { shelf, after }));
  });

  router.get('/:id', async (ctx) => {
    const justDone = typeof ctx.query.done === 'string' ? ctx.query.done : '';
    const said = Object.hasOwn(done, justDone) ? done[justDone] : undefined;
    await show(ctx, parts, { done: said ?? null, problem: null, tried: null });
  });

  for (const deed of deeds) {
    router.post(`/:id/${deed}`, async (ctx) => {
      const doer = administratorOf(ctx, 'approver');
      const form = await readForm(ctx, decisionForm);
      checkCsrf(ctx, form.csrf);
      const id = String(ctx.params.id);
      const tried = triedOf(deed, form);
      try {
        await decide(parts, doer, { id, tried, read: form.read, narrows: form.scopes === 'some' });
      } catch (error) {
        return showProblem(ctx, parts, { doer, tried, error });
      }
      goTo(ctx, `/admin/approvals/${id}?done=${deed}`);
    });
  }

  return router;
}

function triedOf(deed: Deed, form: z.infer<typeof decisionForm>): Tried {
  const ticked = Object.keys(form).filter((field) => field.startsWith(tickBox));
  const scopes = ticked.map((field) => field.slice(tickBox.length));
  return { deed, reason: form.reason, until: form.until, scopes, errors: {} };
}

/** `narrows`: whether the form had tick boxes, of which none may be ticked. */
async function decide(
  parts: Parts,
  doer: AccountDoer,
  given: { id: string; tried: Tried; read: string | undefined; narrows: boolean },
): Promise<unknown> {
  const { id, tried } = given;
  const decision = { id, reason: tried.reason };
  if (tried.deed === 'reject') return reject(parts, doer, decision);
  if (tried.deed === 'suspend') return suspend(parts, doer, decision);
  if (tried.deed === 'resume') return resume(parts, doer, decision);
  const expiresAt = lastMomentOf(tried.until);
  if (tried.deed === 'end') return changeEnd(parts, doer, { ...decision, expiresAt });
  return approve(parts, doer, {
    ...decision,
    expiresAt,
    scopes: given.narrows ? tried.scopes : null,
    ...(given.read !== undefined && { purposeRead: given.read }),
  });
}

/** Of a day as date fields send it; null: none. @throws {InvalidInput} under `until`. */
function lastMomentOf(day: string): Date | null {
  if (day.trim() === '') return null;
  const read = z.iso.date().safeParse(day.trim());
  if (!read.success) throw new InvalidInput({ until: 'Write a day such as 2027-11-23.' });
  return new Date(`${read.data}T23:59:59Z`);
}

/** The same page again, with all that was typed, and why nothing was saved. */
async function showProblem(
  ctx: Context,
  parts: Parts,
  { doer, tried, error }: { doer: AccountDoer; tried: Tried; error: unknown },
): Promise<void> {
  const id = String(ctx.params.id);
  if (error instanceof InvalidInput) {
    await show(ctx, parts, {
      done: null,
      problem: null,
      tried: { ...tried, errors: error.fields },
    });
    ctx.status = 422;
  } else if (error instanceof Conflict) {
    const problem =
      error.code === 'unlawful_move'
        ? await whatHappened(parts.pool, id, doer.actor.id)
        : `${error.message} Nothing was saved.`;
    await show(ctx, parts, { done: null, problem, tried });
    ctx.status = 409;
  } else if (error instanceof Forbidden) {
    await show(ctx, parts, { done: null, problem: error.message, tried });
    ctx.status = 403;
  } else throw error;
}

async function show(
  ctx: Context,
  { pool, administratorOf }: Parts,
  told: Parameters<typeof approvalPage>[2],
): Promise<void> {
  const doer = administratorOf(ctx);
  const roles = accountOf(ctx)?.roles ?? [];
  const mayDecide = roles.includes('approver') || roles.includes('owner');
  const page = await approvalPage(pool, { id: String(ctx.params.id), doer, mayDecide }, told);
  if (!page) throw new NotFound('no_request', 'There is no such request.');
  await ctx.render('admin/approval', page);
}
