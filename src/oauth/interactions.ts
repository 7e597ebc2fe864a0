import Router from '@koa/router';
import type { Context } from 'koa';
import { errors, type Provider } from 'oidc-provider';
import { z } from 'zod';
import type { Environment } from '../base/environment.ts';
import { Forbidden } from '../base/errors.ts';
import { type Keyring, sameText } from '../base/secrets.ts';
import { readForm } from '../http/form.ts';
import { allowFormActionTo } from '../http/security-headers.ts';
import { choose } from './interaction-choice.ts';
import {
  authorizePage,
  type Earlier,
  type Prompt,
  promptOf,
  redirectUriOf,
} from './interaction-page.ts';
import type { SignIn } from './sign-in.ts';
import type { FindSubject, Subject } from './subjects.ts';
import { actorOf, note } from './trail.ts';

/** Seconds that the page may stay open. */
export const interactionDeadline = 15 * 60;

export type InteractionParts = {
  environment: Environment;
  /** Asked at each request: a rotated key makes a new Provider. */
  provider: () => Provider;
  keyring: Keyring;
  findSubject: FindSubject;
  signIn: SignIn;
};

const form = z.object({
  csrf: z.string().default(''),
  decision: z.enum(['authorize', 'cancel']),
  use_test_user: z.literal('yes').optional(),
  test_user: z.string().max(200).optional(),
  username: z.string().max(320).default(''),
  password: z.string().max(4096).default(''),
});
type Form = z.infer<typeof form>;

/** Login and consent on one screen: the pop-up. */
export function interactionRoutes(parts: InteractionParts): Router {
  const { environment, provider, keyring, findSubject, signIn } = parts;
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
    if (prompt) return prompt;
    await finish(
      ctx,
      details,
      refusal('This application may no longer use the product it asked for.'),
    );
    return undefined;
  }

  async function show(ctx: Context, prompt: Prompt, earlier?: Earlier): Promise<void> {
    allowFormActionTo(ctx, redirectUriOf(prompt));
    const { uid } = prompt.details;
    const place = { environment, action: `/${environment}/interaction/${uid}`, csrf: csrfOf(uid) };
    const personas = await signIn.listPersonas(prompt.product);
    const lastUsed = ctx.cookies.get(personaCookie, { signed: true });
    await ctx.render(
      'oauth/authorize',
      authorizePage(prompt, place, personas, { lastUsed, earlier }),
      {
        layout: 'popup-layout',
      },
    );
  }

  router.get('/', async (ctx) => {
    const prompt = await loadPrompt(ctx);
    if (prompt) await show(ctx, prompt);
  });

  router.post('/', async (ctx) => {
    const prompt = await loadPrompt(ctx);
    if (!prompt) return;
    const given = await readForm(ctx, form);
    if (!sameText(given.csrf, csrfOf(prompt.details.uid))) {
      throw new Forbidden('cross_origin', 'This form was not sent from our page.');
    }
    if (given.decision === 'cancel') {
      return finish(ctx, prompt.details, refusal('The person at the screen did not allow access.'));
    }
    const chosen = await choose(parts, prompt, { ...given, address: ctx.ip });
    const detail = { client: prompt.client.clientId };
    if ('problem' in chosen) {
      const reason = chosen.failed;
      if (reason)
        note(ctx, { actor: { kind: 'stranger' }, action: 'sign_in.failed', reason, detail });
      if (chosen.retryAfter) ctx.set('Retry-After', String(chosen.retryAfter));
      await show(ctx, prompt, { ...typed(given), error: chosen.problem });
      ctx.status = chosen.status;
      return;
    }
    const { subject, by } = chosen;
    if (by === 'persona') rememberPersona(ctx, subject);
    if (by !== 'session') {
      note(ctx, {
        actor: actorOf(subject.sub),
        action: 'sign_in.succeeded',
        detail: { ...detail, by },
      });
    }
    await finish(ctx, prompt.details, {
      ...prompt.details.lastSubmission,
      ...(by !== 'session' && {
        login: { accountId: subject.sub, amr: [by], passwordAsOf: subject.passwordAsOf },
      }), // oidc-provider's word for the subject
      consent: {},
    });
  });

  return router;
}

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
