import type { Context } from 'koa';
import type { AdministratorRole } from '../accounts/account.ts';
import { type AccountDoer, doerOf } from '../accounts/doer.ts';
import { mayAdminister } from '../accounts/second-factor.ts';
import { signedIn } from '../accounts/session-cookie.ts';
import { Forbidden, NotFound } from '../base/errors.ts';

/**
 * Lets administrators pass who have one of these roles; an owner has them all. Without roles named,
 * any administrator: such a page only shows.
 * @throws {Unauthenticated} for whoever is not signed in.
 * @throws {NotFound} for people without a role, to whom this house has no desk.
 * @throws {Forbidden} `lacks_role`, or `second_factor_needed` where the programme demands one.
 */
export type AdministratorOf = (ctx: Context, ...roles: AdministratorRole[]) => AccountDoer;

/** `required`: whether administrators must have a second factor. */
export const administrators =
  ({ required }: { required: boolean }): AdministratorOf =>
  (ctx, ...roles) => {
    const account = signedIn(ctx);
    const may = mayAdminister(account, required);
    if (may === 'no role') throw new NotFound('not_found', 'There is nothing at this address.');
    if (may !== 'yes') {
      throw new Forbidden(
        'second_factor_needed',
        'Administrators of this programme sign in with a second factor. Set one up in your profile first.',
      );
    }
    const wanted: AdministratorRole[] = roles.length > 0 ? [...roles, 'owner'] : account.roles;
    const role = wanted.find((one) => account.roles.includes(one));
    if (!role) {
      throw new Forbidden('lacks_role', `This needs the role ${roles.join(' or ')}.`);
    }
    return doerOf(ctx, role);
  };
