import type { Context } from 'koa';
import type { Doer } from '../audit/act.ts';
import { callerOf } from '../http/caller.ts';
import type { Account, AdministratorRole } from './account.ts';
import { freshlySignedIn, signedIn } from './session-cookie.ts';

/** An account that acts, with the administrator role that allows it where one is needed. */
export type AccountDoer = Doer & { actor: { kind: 'account'; id: string; role?: string } };

const doer = (ctx: Context, { id }: Account, role?: AdministratorRole): AccountDoer => ({
  actor: { kind: 'account', id, ...(role && { role }) },
  caller: callerOf(ctx),
});

/** Whoever is signed in. @throws {Unauthenticated} */
export const doerOf = (ctx: Context, role?: AdministratorRole): AccountDoer =>
  doer(ctx, signedIn(ctx), role);

/** For what a stolen session must not do. @throws {Unauthenticated} */
export const freshDoerOf = (ctx: Context): AccountDoer => doer(ctx, freshlySignedIn(ctx));
