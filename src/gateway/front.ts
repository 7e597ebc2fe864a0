import type { IncomingMessage, ServerResponse } from 'node:http';
import type pg from 'pg';
import type { Logger } from '../base/log.ts';
import { type Keyring, newId } from '../base/secrets.ts';
import { createChanges } from '../db/changes.ts';
import type { TokenCheck } from '../oauth/token-check.ts';
import { createLimits } from '../usage/limits.ts';
import { createMeter } from '../usage/meter.ts';
import type { Reason } from '../usage/reason.ts';
import { answer } from './answer.ts';
import { type Asked, prefix, readAsked } from './asked.ts';
import { type Catalogue, catalogueReader } from './catalogue.ts';
import { createKeys } from './keys.ts';
import { createTokens } from './tokens.ts';
import { createTold } from './told.ts';
import { createTries } from './tries.ts';
import { refusal, type Verdict } from './verdict.ts';
import { createVerify, type Decided } from './verify.ts';

type Parts = {
  pool: pg.Pool;
  keyring: Pick<Keyring, 'fingerprint'>;
  log: Pick<Logger, 'debug' | 'error'>;
  checks: readonly TokenCheck[];
  /** Left out: they must. */
  gatewaysShowCredential?: boolean;
  limitAddresses: boolean;
};

export type Front = {
  /** Whether the request is a gateway's question, which is then answered. */
  answers(req: IncomingMessage, res: ServerResponse): boolean;
  close(): Promise<void>;
};

type Question = { req: IncomingMessage; res: ServerResponse; asked: Asked };

/** What an asker without a credential is told may be tried so often, and no more, from one address. */
const guesses: ReadonlySet<Reason> = new Set(['gateway_unknown', 'key_unknown', 'key_malformed']);

/** Keys, tokens and subscriptions that are remembered, of each. */
const most = 30_000;

/**
 * Stands before everything else: a gateway asks under whatever name its caller used, once for every
 * call, and what is asked here reads no cookie, no form and no page.
 */
export async function createFront(parts: Parts): Promise<Front> {
  const { pool, log } = parts;
  const told = createTold();
  const tries = createTries({ points: 300, seconds: 60 });
  const readCatalogue = catalogueReader(pool);
  let catalogue: Catalogue;
  const keys = createKeys({ ...parts, told, most });
  const isAudience: Catalogue['isAudience'] = (...of) => catalogue.isAudience(...of);
  const tokens = createTokens({ ...parts, told, most, isAudience });
  const changes = await createChanges({
    pool,
    isWhole: (what) => what === 'catalogue',
    onTold(what) {
      told.tell(what);
      if (what.startsWith('subscription:')) keys.forgetUnknown();
    },
    async renew(missed) {
      catalogue = await readCatalogue();
      if (!missed) return told.tell('catalogue');
      told.tellAll();
      keys.forgetUnknown();
    },
    onError: (error) => log.error({ err: error }, 'not told of changes: the database is away'),
  });
  const limits = createLimits({ pool });
  const meter = createMeter({
    pool,
    onError: (error) => log.error({ err: error }, 'calls could not be written down'),
  });
  const verify = createVerify({
    demandsCredential: parts.gatewaysShowCredential ?? true,
    catalogue: () => catalogue,
    keys,
    tokens,
    limits,
    changes,
    onError: (error) => log.error({ err: error }, 'a call could not be decided'),
  });

  /** Whoever guesses is told to wait, and nothing of it is kept. */
  function slowed({ verdict, gatewayId }: Decided, req: IncomingMessage): Verdict {
    const guess = !verdict.allowed && gatewayId === '' && guesses.has(verdict.reason);
    if (!guess || !parts.limitAddresses) return verdict;
    const retryAfter = tries.count(req.socket.remoteAddress ?? '');
    return retryAfter > 0 ? refusal(verdict.reason, { status: 429, retryAfter }) : verdict;
  }

  function reply({ req, res, asked }: Question, decided: Decided): void {
    const requestId = `req_${newId()}`;
    const { call, gatewayId } = decided;
    const verdict = slowed(decided, req);
    if (call && verdict.allowed) meter.count(call);
    else if (call && !verdict.allowed && verdict === decided.verdict) {
      const { status, reason, detail } = verdict;
      meter.refuse({ ...call, requestId, status, reason, detail, gatewayId });
    }
    const api = catalogue.apis.get(asked.api);
    answer(res, verdict, {
      requestId,
      apiId: api?.id ?? 'gateway',
      keyHeader: api?.keyHeader ?? '',
      folded: asked.headers['x-gateway-fold'] === '403',
    });
  }

  function fail(res: ServerResponse, error: unknown): void {
    log.error({ err: error }, 'a gateway could not be answered');
    if (res.headersSent) return void res.destroy();
    answer(res, refusal('unavailable'), {
      requestId: `req_${newId()}`,
      apiId: 'gateway',
      keyHeader: '',
      folded: false,
    });
  }

  /** Without a promise where none is needed: each costs, and most calls are known. */
  function respond(req: IncomingMessage, res: ServerResponse): void {
    try {
      const question = { req, res, asked: readAsked(req) };
      const decided = verify(question.asked);
      if (!(decided instanceof Promise)) reply(question, decided);
      else decided.then((later) => reply(question, later)).catch((error) => fail(res, error));
    } catch (error) {
      fail(res, error);
    }
  }

  return {
    answers(req, res) {
      if (!req.url?.startsWith(prefix)) return false;
      respond(req, res);
      return true;
    },
    async close() {
      await changes.close();
      await limits.close();
      await meter.close();
    },
  };
}
