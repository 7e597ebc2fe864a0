import Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import type { Here, Self } from '../accounts/own-account-service.ts';
import { codeOf } from '../accounts/registration-form.ts';
import { addressOf, groupsOf } from '../accounts/second-factor-app.ts';
import { pictureOf } from '../accounts/second-factor-picture.ts';
import {
  addSecondFactor,
  offeredSeed,
  offerSecondFactor,
  removeSecondFactor,
  renewRecoveryCodes,
  type SecondFactorParts,
} from '../accounts/second-factor-service.ts';
import { countRecoveryCodes } from '../accounts/second-factor-store.ts';
import type { Sessions } from '../accounts/session-cookie.ts';
import { deviceCookie } from '../accounts/sign-in-device.ts';
import { dayInWords } from '../base/in-words.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import { safeReturnTo } from '../http/return-to.ts';
import { endAccess } from '../oauth/consents.ts';
import { freshSelfOf } from './profile-self.ts';

const path = '/profile/second-factor';
const bareForm = z.object({ csrf: z.string().default('') });
const form = bareForm.extend({
  offer: z.string().max(400).default(''),
  code: z.string().max(40).default(''),
  return_to: z.string().optional(),
});

type Parts = Omit<SecondFactorParts, 'endAccess'> & {
  brand: string;
  https: boolean;
  sessions: Pick<Sessions, 'begin'>;
  administratorsNeedSecondFactor?: boolean;
};

type Offer = { seed: string; sealed: string };

/** An authenticator app: set up, given up, and the recovery codes beside it. */
export function profileSecondFactorRoutes(given: Parts): Router {
  const parts = { ...given, endAccess };
  const { pool, keyring, brand, sessions } = parts;
  const needed = parts.administratorsNeedSecondFactor ?? false;
  const router = new Router();
  const devices = deviceCookie(parts.https);
  const hereOf = (ctx: Context, { account }: Self): Here => ({
    device: devices.meet(ctx),
    begin: (tx) => sessions.begin(ctx, tx, account.id),
  });

  async function showSetUp(
    ctx: Context,
    { account }: Self,
    { seed, sealed }: Offer,
    page: { returnTo: string; error?: string },
  ): Promise<void> {
    await ctx.render('portal/profile-second-factor-set-up', {
      offer: sealed,
      picture: pictureOf(addressOf(seed, { brand, email: account.email.slice(0, 100) })),
      seed: groupsOf(seed),
      returnTo: page.returnTo,
      needed: needed && account.roles.length > 0,
      error: page.error ?? null,
    });
  }

  router.get(path, async (ctx) => {
    const self = freshSelfOf(ctx);
    const { id, secondFactorSince, roles } = self.account;
    const returnTo = safeReturnTo(ctx.query.return_to);
    if (!secondFactorSince) {
      return showSetUp(ctx, self, offerSecondFactor(keyring, self), { returnTo });
    }
    await ctx.render('portal/profile-second-factor', {
      since: dayInWords(secondFactorSince).replace('Today', 'today'),
      left: await countRecoveryCodes(pool, id),
      needed: needed && roles.length > 0,
    });
  });

  router.post(path, async (ctx) => {
    const self = freshSelfOf(ctx);
    const given = await readForm(ctx, form);
    checkCsrf(ctx, given.csrf);
    const returnTo = safeReturnTo(given.return_to);
    const seed = offeredSeed(keyring, self, given.offer);
    const again = async (offer: Offer, error: string): Promise<void> => {
      await showSetUp(ctx, self, offer, { returnTo, error });
      ctx.status = 422;
    };
    if (!seed) return again(offerSecondFactor(keyring, self), problems.ended);
    const offer = { seed, sealed: given.offer };
    const code = codeOf(given.code);
    if (!code) return again(offer, problems.form);
    const codes = await addSecondFactor(parts, self, { seed, code }, hereOf(ctx, self));
    if (!codes) return again(offer, problems.wrong);
    await showCodes(ctx, codes, { added: true, returnTo });
  });

  router.post(`${path}/recovery-codes`, async (ctx) => {
    const self = freshSelfOf(ctx);
    checkCsrf(ctx, (await readForm(ctx, bareForm)).csrf);
    const codes = await renewRecoveryCodes(parts, self);
    if (codes) await showCodes(ctx, codes, { added: false, returnTo: '/' });
    else goTo(ctx, path);
  });

  router.post(`${path}/remove`, async (ctx) => {
    const self = freshSelfOf(ctx);
    checkCsrf(ctx, (await readForm(ctx, bareForm)).csrf);
    await removeSecondFactor(parts, self, hereOf(ctx, self));
    goTo(ctx, '/profile?done=second-factor-removed');
  });

  return router;
}

const problems = {
  form: 'Type the six digits that the app shows.',
  wrong:
    'This is not the code of that secret just now. Take the next one; does the phone show the right time?',
  ended: 'The page was too old. Scan this code instead.',
} as const;

/** No redirect: the codes are in this answer and nowhere else. */
const showCodes = (
  ctx: Context,
  codes: readonly string[],
  { added, returnTo }: { added: boolean; returnTo: string },
): Promise<void> =>
  ctx.render('portal/profile-second-factor-codes', {
    codes,
    added,
    next: returnTo === '/' ? '/profile' : returnTo,
  });
