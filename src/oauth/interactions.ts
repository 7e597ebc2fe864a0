import Router from '@koa/router';
import type { Context } from 'koa';
import { errors, type Provider } from 'oidc-provider';
import type pg from 'pg';
import { z } from 'zod';
import { popUpCookie } from '../accounts/pop-up-cookie.ts';
import { deviceCookie } from '../accounts/sign-in-device.ts';
import type { Environment } from '../base/environment.ts';
import { Forbidden } from '../base/errors.ts';
import { type Keyring, sameText } from '../base/secrets.ts';
import type { Throttle } from '../db/throttle.ts';
import { readForm } from '../http/form.ts';
import { allowFormActionTo } from '../http/security-headers.ts';
import { denial, deniesConsent, takeTime } from './behaviours.ts';
import { allowed, type Chosen, choose, type Problem } from './interaction-choice.ts';
import {
  authorizePage,
  codePage,
  type Earlier,
  type Prompt,
  promptOf,
  redirectUriOf,
} from './interaction-page.ts';
import { secondSteps } from './interaction-second-step.ts';
import type { SignIn } from './sign-in.ts';
import type { FindSubject, Subject } from './subjects.ts';
import { actorOf, note } from './trail.ts';

/** Seconds that the page may stay open. */
export const interactionDeadline = 15 * 60;

export type InteractionParts = {
  environment: Environment;
  /** Asked at each request: a rotated key makes a new Provider. */
  provider: () => Provider;
  pool: pg.Pool;
  keyring: Keyring;
  findSubject: FindSubject;
  signIn: SignIn;
  secondFactorThrottle: Throttle;
  https: boolean;
};

const form = z.object({
  csrf: z.string().default(''),
  decision: z.enum(['authorize', 'prove', 'restart', 'cancel']),
  use_test_user: z.literal('yes').optional(),
  test_user: z.string().max(200).optional(),
  username: z.string().max(320).default(''),
  password: z.string().max(4096).default(''),
  code: z.string().max(40).default(''),
  recovery_code: z.string().max(80).default(''),
});
type Form = z.infer<typeof form>;

/** Login and consent on one screen: the pop-up. */
export function interactionRoutes(parts: InteractionParts): Router {
  const { environment, provider, keyring, findSubject, signIn } = parts;
  const devices = deviceCookie(parts.https);
  const popUps = popUpCookie(parts.https);
  const steps = secondSteps({ ...parts, devices });
  const router = new Router({ prefix: `/${environment}/interaction/:uid` });

  const csrfOf = (uid: string) => keyring.fingerprint(`csrf:${uid}`).toString('base64url');

  async function loadPrompt(ctx: Context): Promise<Prompt | undefined> {
    const details = await provider().interactionDetails(ctx.req, ctx.res).catch(asEnded);
    if (details.uid !== ctx.params.uid) throw ended();
    if (details.iat + interactionDeadline < Date.now() / 1000) {
      await finish(
        ctx,
        details,
        refusal('The page was open for more than 15 minutes. Start again.'),
      );
      return undefined;
    }
    const prompt = await promptOf(details, provider(), findSubject);
    if (prompt) return { ...prompt, showsOwnOf: await signIn.showsOwnOf(ctx, prompt.client) };
    await finish(
      ctx,
      details,
      refusal('This application may no longer use the product it asked for.'),
    );
    return undefined;
  }

  async function show(ctx: Context, prompt: Prompt, earlier?: Earlier): Promise<void> {
    allowFormActionTo(ctx, redirectUriOf(prompt));
    const personas = await signIn.listPersonas(prompt.product, prompt.showsOwnOf);
    const lastUsed = ctx.cookies.get(personaCookie, { signed: true });
    await ctx.render(
      'oauth/authorize',
      authorizePage(prompt, placeOf(prompt), personas, { lastUsed, earlier }),
      {
        layout: 'popup-layout',
      },
    );
  }

  const placeOf = ({ details: { uid } }: Prompt) => ({
    environment,
    action: `/${environment}/interaction/${uid}`,
    csrf: csrfOf(uid),
  });

  async function askForCode(ctx: Context, prompt: Prompt, earlier = {}): Promise<void> {
    allowFormActionTo(ctx, redirectUriOf(prompt));
    const page = codePage(prompt, placeOf(prompt), earlier);
    await ctx.render('oauth/authorize-code', page, { layout: 'popup-layout' });
  }

  router.get('/', async (ctx) => {
    const prompt = await loadPrompt(ctx);
    if (!prompt) return;
    popUps.open(ctx);
    if (await steps.find(prompt.details.uid)) await askForCode(ctx, prompt);
    else await show(ctx, prompt);
  });

  router.post('/', async (ctx) => {
    const prompt = await loadPrompt(ctx);
    if (!prompt) return;
    const given = await readForm(ctx, form);
    if (!sameText(given.csrf, csrfOf(prompt.details.uid))) {
      throw new Forbidden('cross_origin', 'This form was not sent from our page.');
    }
    if (given.decision === 'cancel') {
      return finish(ctx, prompt.details, refusal(denial));
    }
    if (given.decision === 'prove') return prove(ctx, prompt, given);
    await steps.forget(prompt.details.uid);
    if (given.decision === 'restart') return show(ctx, prompt);
    const from = { address: ctx.ip, device: devices.find(ctx) };
    const chosen = await choose(parts, prompt, { ...given, ...from });
    if ('problem' in chosen) return refuse(ctx, prompt, chosen, typed(given));
    if ('subject' in chosen) return letIn(ctx, prompt, chosen);
    await steps.begin(prompt.details.uid, chosen.waits);
    noteOf(ctx, prompt, {
      actor: { kind: 'stranger' }, // until the second half is shown
      action: 'second_factor.asked',
      subject: { kind: 'account', id: chosen.waits.id },
    });
    ctx.status = 303; // to be asked there: a reload must not send the password again
    ctx.redirect(placeOf(prompt).action);
  });

  /** The second half of a sign-in that is the first half's account's and nobody else's. */
  async function prove(ctx: Context, prompt: Prompt, given: Form): Promise<void> {
    const answer = await steps.take(ctx, prompt.details.uid, given);
    if ('problem' in answer) {
      if (answer.ended) return refuse(ctx, prompt, answer, {});
      if (answer.retryAfter) ctx.set('Retry-After', String(answer.retryAfter));
      const byRecovery = given.recovery_code.trim() !== '';
      await askForCode(ctx, prompt, { problem: answer.problem, byRecovery });
      ctx.status = answer.status;
      return;
    }
    const subject = await findSubject(answer.sub);
    if (!subject) throw ended();
    const { passwordAsOf } = answer;
    const chosen = { subject: { ...subject, passwordAsOf }, by: 'second factor' } as const;
    const may = allowed(environment, prompt, chosen);
    if ('problem' in may) await refuse(ctx, prompt, may, {});
    else await letIn(ctx, prompt, may);
  }

  async function refuse(
    ctx: Context,
    prompt: Prompt,
    { problem, status, retryAfter, failed: reason, aimedAt: id }: Problem,
    earlier: Earlier,
  ): Promise<void> {
    const subject = id ? ({ kind: 'account', id } as const) : undefined;
    const failure = { actor: { kind: 'stranger' }, action: 'sign_in.failed', subject } as const;
    if (reason) noteOf(ctx, prompt, { ...failure, reason });
    if (retryAfter) ctx.set('Retry-After', String(retryAfter));
    await show(ctx, prompt, { ...earlier, error: problem });
    ctx.status = status;
  }

  return router;
}

/** Hands over whoever was named and may go on. */
async function letIn(ctx: Context, prompt: Prompt, { subject, by }: Chosen): Promise<void> {
  if (deniesConsent(subject)) return finish(ctx, prompt.details, refusal(denial));
  takeTime(ctx, subject);
  if (by === 'persona') rememberPersona(ctx, subject);
  if (by !== 'session') {
    noteOf(ctx, prompt, { actor: actorOf(subject.sub), action: 'sign_in.succeeded' }, { by });
  }
  await finish(ctx, prompt.details, {
    ...prompt.details.lastSubmission,
    ...(by !== 'session' && {
      login: { accountId: subject.sub, amr: methods[by], passwordAsOf: subject.passwordAsOf },
    }), // oidc-provider's word for the subject
    consent: {},
  });
}

/** How somebody showed who they are, in RFC 8176's words where it has one. */
const methods = { persona: ['persona'], pwd: ['pwd'], 'second factor': ['pwd', 'otp', 'mfa'] };

const noteOf = (
  ctx: Context,
  { client }: Prompt,
  act: Parameters<typeof note>[1],
  detail: Record<string, string> = {},
): void => note(ctx, { ...act, detail: { client: client.clientId, ...detail } });

const typed = (given: Form): Earlier => ({
  useTestUser: given.use_test_user === 'yes',
  testUser: given.test_user,
  username: given.username,
});

type Result = Prompt['details']['result'];
const refusal = (description: string): Result => ({
  error: 'access_denied',
  error_description: description,
});

/** Hands the result to the library, whose resume route sends the browser on to the client. */
async function finish(ctx: Context, details: Prompt['details'], result: Result): Promise<void> {
  details.result = result;
  await details.persist();
  ctx.status = 303;
  ctx.redirect(details.returnTo);
}

const ended = (): Error =>
  new Forbidden('session_not_found', 'This sign-in has ended, or it was begun in another browser.');

function asEnded(error: unknown): never {
  if (error instanceof errors.SessionNotFound) throw ended();
  throw error;
}

const personaCookie = 'sg_persona';

const rememberPersona = (ctx: Context, { sub }: Subject): void =>
  void ctx.cookies.set(personaCookie, sub, {
    path: '/sandbox/interaction',
    httpOnly: true,
    sameSite: 'lax',
    signed: true,
    maxAge: 180 * 24 * 3_600_000,
  });
