import Router from '@koa/router';
import type { Context } from 'koa';
import type pg from 'pg';
import { doerOf } from '../accounts/doer.ts';
import { withReturn } from '../accounts/registration-return.ts';
import { accountOf } from '../accounts/session-cookie.ts';
import { checkCsrf } from '../http/csrf.ts';
import { readForm } from '../http/form.ts';
import { goTo } from '../http/go-to.ts';
import { acceptInvitation, invitationOfLink } from '../teams/invitation-service.ts';
import { bareForm } from './team-form.ts';

/** The link of an invitation: looking at it changes nothing, for mail scanners do that too. */
export function teamInvitationRoutes({ pool }: { pool: pg.Pool }): Router {
  const router = new Router();

  async function show(ctx: Context): Promise<void> {
    const invitation = await invitationOfLink(pool, String(ctx.params.token));
    if (!invitation) return showEnded(ctx);
    const { teamName, inviterName, role, email } = invitation;
    const self = accountOf(ctx);
    await ctx.render('portal/team-invitation', {
      action: ctx.path,
      team: teamName,
      by: inviterName,
      role: role === 'owner' ? 'an owner' : 'a member',
      email,
      self: self?.email ?? null,
      fits: self?.email.toLowerCase() === email.toLowerCase(),
      signIn: withReturn('/sign-in', ctx.path),
      register: withReturn('/register', ctx.path),
    });
  }

  router.get('/invitations/:token', show);

  router.post('/invitations/:token', async (ctx) => {
    const doer = doerOf(ctx);
    checkCsrf(ctx, (await readForm(ctx, bareForm)).csrf);
    const teamId = await acceptInvitation({ pool }, doer, String(ctx.params.token));
    if (teamId) return goTo(ctx, `/teams/${teamId}?done=joined`);
    await show(ctx); // another address's, or ended meanwhile
    if (ctx.status === 200) ctx.status = 403;
  });

  return router;
}

async function showEnded(ctx: Context): Promise<void> {
  await ctx.render('portal/team-invitation-ended', {});
  ctx.status = 410;
}
