import { setTimeout as passed } from 'node:timers/promises';
import type { Context, Middleware } from 'koa';
import { errors } from 'oidc-provider';
import type { Subject, SubjectAccount } from './subjects.ts';

/*
 * What a team's own test user does on purpose, to be tested against: src/test-users/behaviour.ts.
 * An account has no behaviour, so that nothing here ever touches a live token.
 */

type Behaving = Pick<Subject, 'behaviour'>;

export const deniesConsent = ({ behaviour }: Behaving): boolean => behaviour === 'consent_denied';
export const failsToSignIn = ({ behaviour }: Behaving): boolean => behaviour === 'sign_in_fails';

/** What Cancel tells the client. */
export const denial = 'The person at the screen did not allow access.';

/**
 * The token endpoint knows no `access_denied`: a consent that is not there any more is what RFC 6749
 * section 5.2 calls `invalid_grant`.
 * @throws {InvalidGrant}
 */
export function refuseDenied(subject: Behaving): void {
  if (!deniesConsent(subject)) return;
  const sentence = 'This test user denies access on purpose: its behaviour is Consent denied.';
  throw Object.assign(new errors.InvalidGrant('denied on purpose'), {
    error_description: sentence,
  });
}

/** Remembers that this answer is to come late. */
export function takeTime(ctx: Pick<Context, 'state'>, { behaviour }: Behaving): void {
  if (behaviour === 'slow') ctx.state.late = true; // read by the middleware below
}

/** Seconds by which the times of an expired token lie back: more than any clock tolerance. */
const longAgo = 3600;

/** Reserved for names that lead nowhere (RFC 2606). */
export const wrongAudience = 'https://wrong-audience.invalid/';

type Payload = Record<string, unknown> & { iat: number; exp: number; oidc_scope?: string };

/** Changes an access token that is about to be signed, and notes what its answer has to say instead. */
export function misbehave(
  ctx: Pick<Context, 'state'> & { oidc: { account?: unknown } },
  payload: Payload,
): void {
  const { subject } = (ctx.oidc.account ?? {}) as Partial<SubjectAccount>; // every account is ours
  if (!subject?.behaviour) return;
  takeTime(ctx, subject);
  if (subject.behaviour === 'wrong_audience') payload.aud = wrongAudience;
  if (subject.behaviour === 'token_expired') {
    payload.iat -= longAgo;
    payload.exp -= longAgo;
    ctx.state.tokenAnswer = { expires_in: 0 };
  }
  if (subject.behaviour === 'too_little_scope') {
    payload.scope = undefined;
    ctx.state.tokenAnswer = { scope: payload.oidc_scope ?? '' };
  }
}

/**
 * Goes before everything of the sandbox issuer. Whoever waits holds a timer and nothing else;
 * `atOnce` bounds how many, and those beyond are answered at once.
 */
export function answerAsTold({ ms, atOnce }: { ms: number; atOnce: number }): Middleware {
  let waiting = 0;
  return async (ctx, next) => {
    await next();
    if (ctx.status === 200 && ctx.state.tokenAnswer) {
      ctx.body = { ...(ctx.body as object), ...ctx.state.tokenAnswer };
    }
    if (!ctx.state.late || waiting >= atOnce) return;
    waiting += 1;
    await passedOrGone(ctx, ms);
    waiting -= 1;
  };
}

/** Ends early when nobody is there any more to be answered. */
async function passedOrGone(ctx: Context, ms: number): Promise<void> {
  const gone = new AbortController();
  ctx.res.once('close', () => gone.abort());
  await passed(ms, undefined, { signal: gone.signal, ref: false }).catch(() => {});
}
