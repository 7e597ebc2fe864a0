import Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { InvalidInput } from '../base/errors.ts';
import { callerOf } from '../http/caller.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { ownCookie } from '../http/own-cookie.ts';
import { safeReturnTo } from '../http/return-to.ts';
import type { PasswordRules } from './password-rules.ts';
import { type Registration, registrationHours } from './registration.ts';
import {
  checkOwner,
  checkRegistration,
  codeOf,
  ownerFields,
  type RegistrationFields,
  registrationFields,
} from './registration-form.ts';
import { elsewhere, signInAt, staysInPopup } from './registration-return.ts';
import {
  type RegistrationParts,
  register,
  registrationOfBrowser,
  registrationOfLink,
  resend,
  verifyByCode,
  verifyByLink,
} from './registration-service.ts';
import type { Sessions } from './session-cookie.ts';

export type RegistrationRoutesParts = RegistrationParts & {
  rules: PasswordRules;
  sessions: Pick<Sessions, 'begin'>;
};

const bareForm = z.object({ csrf: z.string().default('') });
const codeForm = bareForm.extend({ code: z.string().max(40).default('') });
const checkYourMail = '/register/check-your-mail';

/** Register, check your email, verify: from a form to an account whose address is proven. */
export function registrationRoutes(parts: RegistrationRoutesParts): Router {
  const { pool, rules, sessions } = parts;
  const router = new Router();
  const https = parts.baseUrl.startsWith('https:');
  const cookie = ownCookie('sg_registration', { https, maxAge: registrationHours * 3_600_000 });

  const own = (ctx: Context) => registrationOfBrowser(parts, cookie.read(ctx));

  async function enter(ctx: Context, accountId: string, returnTo: string): Promise<void> {
    await sessions.begin(ctx, pool, accountId);
    goTo(ctx, returnTo);
  }

  router.get('/register', async (ctx) => {
    const earlier = 'change' in ctx.query ? await own(ctx) : undefined;
    const returnTo = earlier?.returnTo ?? safeReturnTo(ctx.query.return_to);
    staysInPopup(ctx, returnTo);
    const typed = earlier && { name: earlier.name, email: earlier.email, team: earlier.teamName };
    await showForm(ctx, { ...nothingTyped, ...typed, return_to: returnTo });
  });

  router.post('/register', async (ctx) => {
    const given = await readForm(ctx, registrationFields);
    const returnTo = safeReturnTo(given.return_to);
    staysInPopup(ctx, returnTo);
    checkCsrf(ctx, given.csrf, { beforeSignIn: true });
    try {
      const typed = { ...checkRegistration(given, rules), returnTo };
      const { browser } = await register(parts, typed, callerOf(ctx));
      cookie.write(ctx, browser);
      goTo(ctx, checkYourMail);
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      await showForm(ctx, { ...given, return_to: returnTo }, error.fields);
      ctx.status = 422;
    }
  });

  router.get(checkYourMail, async (ctx) => {
    const registration = await own(ctx);
    if (!registration) return goTo(ctx, '/register');
    await showMailPage(ctx, registration, { sent: 'sent' in ctx.query });
  });

  router.post(checkYourMail, async (ctx) => {
    const given = await readForm(ctx, codeForm);
    const registration = await own(ctx);
    if (!registration) return goTo(ctx, '/register');
    staysInPopup(ctx, registration.returnTo);
    checkCsrf(ctx, given.csrf, { beforeSignIn: true });
    const code = codeOf(given.code);
    const made = code
      ? await verifyByCode(parts, registration, code, callerOf(ctx))
      : 'not six digits';
    if (typeof made === 'object') return enter(ctx, made.accountId, registration.returnTo);
    await showMailPage(ctx, registration, { error: codeProblems[made] });
    ctx.status = 422;
  });

  router.post('/register/resend', async (ctx) => {
    const { csrf } = await readForm(ctx, bareForm);
    const registration = await own(ctx);
    if (!registration) return goTo(ctx, '/register');
    staysInPopup(ctx, registration.returnTo);
    checkCsrf(ctx, csrf, { beforeSignIn: true });
    await resend(parts, registration, callerOf(ctx));
    goTo(ctx, `${checkYourMail}?sent`);
  });

  router.get('/verify/:token', async (ctx) => {
    const token = String(ctx.params.token);
    const registration = await registrationOfLink(parts, token, cookie.read(ctx));
    if (!registration) return showEnded(ctx);
    await showLinkPage(ctx, registration, { name: '' }); // not theirs: who asks may be another
  });

  router.post('/verify/:token', async (ctx) => {
    const given = await readForm(ctx, ownerFields);
    checkCsrf(ctx, given.csrf, { beforeSignIn: true });
    const token = String(ctx.params.token);
    const registration = await registrationOfLink(parts, token, cookie.read(ctx));
    if (!registration) return showEnded(ctx);
    try {
      const { sameBrowser, email, returnTo } = registration;
      const owner = sameBrowser ? null : checkOwner({ ...given, email }, rules);
      const made = await verifyByLink(parts, registration, token, owner, callerOf(ctx));
      if (!made) return showEnded(ctx);
      await enter(ctx, made.accountId, sameBrowser ? returnTo : elsewhere(returnTo));
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      await showLinkPage(ctx, registration, { name: given.name, fields: error.fields });
      ctx.status = 422;
    }
  });

  return router;
}

const nothingTyped = { name: '', email: '', team: '', terms: '' };

const codeProblems = {
  wrong: 'This is not the code of our last email. Look again, or send a new one.',
  'not six digits': 'Type the six digits from the email.',
  'no tries left': 'This code has had too many wrong tries. Send a new one, or open the link.',
} as const;

function goTo(ctx: Context, path: string): void {
  ctx.status = 303;
  ctx.redirect(path);
}

async function showForm(
  ctx: Context,
  typed: Omit<RegistrationFields, 'csrf' | 'password'>,
  fields: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { name, email, team, terms, return_to: returnTo } = typed;
  const signIn = signInAt(returnTo);
  await ctx.render('accounts/register', {
    typed: { name, email, team, terms: terms === 'yes' },
    fields,
    returnTo,
    signIn,
  });
}

async function showMailPage(
  ctx: Context,
  registration: Registration,
  told: { sent?: boolean; error?: string },
): Promise<void> {
  const { email, returnTo } = registration;
  staysInPopup(ctx, returnTo);
  await ctx.render('accounts/check-your-mail', {
    email,
    hours: registrationHours,
    sent: told.sent ?? false,
    error: told.error ?? null,
    signIn: signInAt(returnTo),
  });
}

/** Looks at nothing but the row: mail scanners open it too. */
async function showLinkPage(
  ctx: Context,
  registration: Registration & { sameBrowser: boolean },
  typed: { name: string; fields?: Readonly<Record<string, string>> },
): Promise<void> {
  staysInPopup(ctx, registration.returnTo);
  await ctx.render('accounts/verify', {
    action: ctx.path,
    email: registration.email,
    sameBrowser: registration.sameBrowser,
    name: typed.name,
    fields: typed.fields ?? {},
  });
}

async function showEnded(ctx: Context): Promise<void> {
  await ctx.render('accounts/verify-ended', {});
  ctx.status = 410;
}
