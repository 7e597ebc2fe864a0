import Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import type pg from 'pg';
import { NotFound } from '../base/errors.ts';
import type { Keyring } from '../base/secrets.ts';
import { applicationLetters } from '../clients/letters.ts';
import { createThrottle, type Throttle } from '../db/throttle.ts';
import { callerOf } from '../http/caller.ts';
import type { TokenCheck } from '../oauth/token-check.ts';
import { auditOperations } from './audit-operations.ts';
import type { ManagementCaller } from './caller.ts';
import { clientOperations } from './client-operations.ts';
import { decisionOperations } from './decision-operations.ts';
import { serveDocument } from './document.ts';
import { createDoor, type Door } from './door.ts';
import { once, readKey } from './idempotency.ts';
import { keyOperations } from './key-operations.ts';
import { type Answer, type Call, managementPath, type Operation } from './operation.ts';
import { Problem } from './problem.ts';
import { productOperations } from './product-operations.ts';
import { readJson, readQuery } from './read.ts';
import { subscriptionOperations } from './subscription-operations.ts';
import { teamOperations } from './team-operations.ts';
import { testUserOperations } from './test-user-operations.ts';
import { useOperations } from './use-operations.ts';

export type ManagementParts = {
  pool: pg.Pool;
  keyring: Keyring;
  /** The public origin, without a slash at the end. */
  baseUrl: string;
  /** Of the two issuers. */
  checks: readonly TokenCheck[];
  onError(error: unknown): void;
};

/** Whether an address is of this API: its errors are told as RFC 9457 says. */
export const underManagement = (path: string): boolean =>
  path === managementPath || path.startsWith(`${managementPath}/`);

export type ManagementApi = {
  router: Router;
  /** Call it after the last request: writes down what is still to be counted. */
  close(): Promise<void>;
};

/** Every deed of this API. */
export const operations = (
  parts: Pick<ManagementParts, 'pool' | 'keyring' | 'baseUrl'> & { letters: Throttle },
): Operation[] => [
  ...productOperations,
  ...subscriptionOperations(parts),
  ...keyOperations(parts),
  ...clientOperations(parts),
  ...testUserOperations(parts),
  ...teamOperations,
  ...useOperations,
  ...decisionOperations(parts),
  ...auditOperations,
];

/**
 * What pages do, for programs: with a token of this very server in place of a session, which is not
 * read here.
 */
export function managementApi(parts: ManagementParts): ManagementApi {
  const door = createDoor(parts);
  const letters = createThrottle(parts.pool, applicationLetters);
  const router = new Router({ prefix: managementPath });
  router.use(onlyJson);
  router.get('/openapi.json', serveDocument(parts.baseUrl));

  const methodsAt = new Map<string, string[]>([['/openapi.json', ['GET', 'HEAD']]]);
  for (const one of operations({ ...parts, letters })) {
    router.register(one.path, [one.method], answering(parts, door, one));
    const methods = one.method === 'GET' ? ['GET', 'HEAD'] : [one.method];
    methodsAt.set(one.path, [...(methodsAt.get(one.path) ?? []), ...methods]);
  }
  for (const [path, methods] of methodsAt) router.all(path, refuseMethod(methods));
  router.all('{/*rest}', () => {
    throw new NotFound('no_address', 'This API has nothing at this address.');
  });
  return { router, close: door.close };
}

const onlyJson: Middleware = (ctx, next) => {
  if (ctx.accepts('application/json', 'application/problem+json')) return next();
  throw new Problem(406, 'not_acceptable', 'This API answers in JSON (application/json).');
};

const refuseMethod =
  (methods: readonly string[]): Middleware =>
  (ctx) => {
    ctx.set('Allow', methods.join(', '));
    ctx.throw(405);
  };

const answering =
  (parts: ManagementParts, door: Door, operation: Operation): Middleware =>
  async (ctx) => {
    const caller = await door.enter(ctx, operation);
    const query = operation.query && readQuery(ctx, operation.query);
    const body = operation.body && (await readJson(ctx, operation.body));
    const call = { ...callOf(ctx, caller), query, body };
    await operation.before?.({ ...call, pool: parts.pool });
    const answer = await answerOf(ctx, parts, operation, { caller, call });
    tell(ctx, answer);
  };

function callOf(ctx: Context, caller: ManagementCaller): Omit<Call, 'pool' | 'query' | 'body'> {
  const { clientId: id, teamId, environment } = caller;
  const actor = { kind: 'client', id, ...(teamId && { teamId }) } as const;
  return {
    doer: { actor, caller: callerOf(ctx) },
    environment,
    teamId: teamId ?? '',
    params: ctx.params,
    address: ctx.ip,
  };
}

type Asked = { caller: ManagementCaller; call: Omit<Call, 'pool'> };

/** A write that names a key is done once (Idempotency-Key). */
async function answerOf(
  ctx: Context,
  parts: ManagementParts,
  operation: Operation,
  { caller, call }: Asked,
): Promise<Answer> {
  const header = ctx.get('Idempotency-Key');
  if (operation.method === 'GET' || !header) return operation.run({ ...call, pool: parts.pool });
  const content = JSON.stringify([ctx.method, ctx.path, ctx.request.rawBody ?? '']);
  const write = { clientId: caller.clientId, key: readKey(header), content };
  const { answer, replayed } = await once(parts, write, (pool) => operation.run({ ...call, pool }));
  if (replayed) ctx.set('Idempotency-Replayed', 'true');
  return answer;
}

function tell(ctx: Context, answer: Answer): void {
  ctx.set('Cache-Control', 'no-store');
  if (!answer) {
    ctx.status = 204;
    return;
  }
  ctx.status = answer.status ?? 200;
  if (answer.location) ctx.set('Location', `${managementPath}${answer.location}`);
  const next = 'next' in answer.body ? answer.body.next : null;
  if (typeof next === 'string') ctx.set('Link', `<${nextPage(ctx, next)}>; rel="next"`);
  ctx.body = JSON.stringify(answer.body);
  ctx.type = 'application/json';
}

/** The same list from that cursor on. */
function nextPage(ctx: Context, cursor: string): string {
  const query = new URLSearchParams(ctx.querystring);
  query.set('cursor', cursor);
  return `${ctx.path}?${query}`;
}
