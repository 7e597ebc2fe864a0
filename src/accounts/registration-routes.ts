import Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { InvalidInput } from '../base/errors.ts';
import { callerOf } from '../http/caller.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import { ownCookie } from '../http/own-cookie.ts';
import { safeReturnTo } from '../http/return-to.ts';
import { orAskToWait } from '../http/wait.ts';
import type { PasswordRules } from './password-rules.ts';
import { registrationHours } from './registration.ts';
import {
  checkOwner,
  checkRegistration,
  codeOf,
  ownerFields,
  registrationFields,
} from './registration-form.ts';
import {
  codeProblems,
  lastOneWorks,
  linkStillWorks,
  nothingTyped,
  showEnded,
  showForm,
  showLinkPage,
  showMailPage,
  type Wrong,
} from './registration-pages.ts';
import { elsewhere, leadsTo } from './registration-return.ts';
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
import { deviceCookie } from './sign-in-device.ts';

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

  const device = deviceCookie(https);

  const proverOf = (ctx: Context) => ({ caller: callerOf(ctx), device: device.meet(ctx) });
  const own = (ctx: Context) => registrationOfBrowser(parts, cookie.read(ctx));

  async function enter(ctx: Context, accountId: string, returnTo: string): Promise<void> {
    await sessions.begin(ctx, pool, accountId);
    goTo(ctx, returnTo);
  }

  router.get('/register', async (ctx) => {
    const earlier = 'change' in ctx.query ? await own(ctx) : undefined;
    const returnTo = earlier?.returnTo ?? safeReturnTo(ctx.query.return_to);
    leadsTo(ctx, returnTo);
    const typed = earlier && { name: earlier.name, email: earlier.email, team: earlier.teamName };
    await showForm(ctx, { ...nothingTyped, ...typed, return_to: returnTo });
  });

  router.post('/register', async (ctx) => {
    const given = await readForm(ctx, registrationFields);
    const returnTo = safeReturnTo(given.return_to);
    leadsTo(ctx, returnTo);
    checkCsrf(ctx, given.csrf, { beforeSignIn: true });
    const again = (wrong: Wrong) => showForm(ctx, { ...given, return_to: returnTo }, wrong);
    const work = async () => {
      const typed = { ...checkRegistration(given, rules), returnTo };
      const { browser } = await register(parts, typed, callerOf(ctx));
      cookie.write(ctx, browser);
      goTo(ctx, checkYourMail);
    };
    await orShowAgain(ctx, work, again);
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
    leadsTo(ctx, registration.returnTo);
    checkCsrf(ctx, given.csrf, { beforeSignIn: true });
    const code = codeOf(given.code);
    const work = async () => {
      const made = code
        ? await verifyByCode(parts, registration, code, proverOf(ctx))
        : 'not six digits';
      if (typeof made === 'object') return enter(ctx, made.accountId, registration.returnTo);
      await showMailPage(ctx, registration, { error: codeProblems[made] });
      ctx.status = 422;
    };
    await orAskToWait(ctx, work, (problem) =>
      showMailPage(ctx, registration, { problem: `${problem} ${linkStillWorks}` }),
    );
  });

  router.post('/register/resend', async (ctx) => {
    const { csrf } = await readForm(ctx, bareForm);
    const registration = await own(ctx);
    if (!registration) return goTo(ctx, '/register');
    leadsTo(ctx, registration.returnTo);
    checkCsrf(ctx, csrf, { beforeSignIn: true });
    const work = async () => {
      await resend(parts, registration, callerOf(ctx));
      goTo(ctx, `${checkYourMail}?sent`);
    };
    await orAskToWait(ctx, work, (problem) =>
      showMailPage(ctx, registration, { problem: `${problem} ${lastOneWorks}` }),
    );
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
    const again = (wrong: Wrong) => showLinkPage(ctx, registration, { name: given.name, ...wrong });
    const work = async () => {
      const { sameBrowser, email, returnTo } = registration;
      const owner = sameBrowser ? null : checkOwner({ ...given, email }, rules);
      const made = await verifyByLink(parts, registration, token, owner, proverOf(ctx));
      if (!made) return showEnded(ctx);
      await enter(ctx, made.accountId, sameBrowser ? returnTo : elsewhere(returnTo));
    };
    await orShowAgain(ctx, work, again);
  });

  return router;
}

function orShowAgain(
  ctx: Context,
  deed: () => Promise<void>,
  show: (wrong: Wrong) => Promise<void>,
): Promise<void> {
  const work = () =>
    deed().catch(async (error) => {
      if (!(error instanceof InvalidInput)) throw error;
      await show({ fields: error.fields });
      ctx.status = 422;
    });
  return orAskToWait(ctx, work, (problem) => show({ problem }));
}
