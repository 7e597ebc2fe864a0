import type { Context } from 'koa';
import { type Registration, registrationHours } from './registration.ts';
import type { RegistrationFields } from './registration-form.ts';
import { leadsTo, signInAt } from './registration-return.ts';

export const nothingTyped = { name: '', email: '', team: '', terms: '' };

/** What stands in the way of a form: fields that need another look, or something that passes. */
export type Wrong = { fields?: Readonly<Record<string, string>>; problem?: string };

/** Whoever is kept from codes, perhaps by a stranger, has another way in. */
export const linkStillWorks =
  'The link in our email still works: open it. No email? Send it again, and open the new link.';
export const lastOneWorks = 'The link in our last email still works.';

export const codeProblems = {
  wrong: 'This is not the code of our last email. Look again, or send a new one.',
  'not six digits': 'Type the six digits from the email.',
  'no tries left': 'This code has had too many wrong tries. Send a new one, or open the link.',
} as const;

export async function showForm(
  ctx: Context,
  typed: Omit<RegistrationFields, 'csrf' | 'password'>,
  { fields = {}, problem = null }: { fields?: Wrong['fields']; problem?: string | null } = {},
): Promise<void> {
  const { name, email, team, terms, return_to: returnTo } = typed;
  const signIn = signInAt(returnTo);
  await ctx.render('accounts/register', {
    typed: { name, email, team, terms: terms === 'yes' },
    fields,
    problem,
    returnTo,
    signIn,
  });
}

export async function showMailPage(
  ctx: Context,
  registration: Registration,
  told: { sent?: boolean; error?: string; problem?: string },
): Promise<void> {
  const { email, returnTo } = registration;
  leadsTo(ctx, returnTo);
  await ctx.render('accounts/check-your-mail', {
    email,
    hours: registrationHours,
    sent: told.sent ?? false,
    error: told.error ?? null,
    problem: told.problem ?? null,
    signIn: signInAt(returnTo),
  });
}

/** Looks at nothing but the row: mail scanners open it too. */
export async function showLinkPage(
  ctx: Context,
  registration: Registration & { sameBrowser: boolean },
  typed: { name: string } & Wrong,
): Promise<void> {
  leadsTo(ctx, registration.returnTo);
  await ctx.render('accounts/verify', {
    action: ctx.path,
    email: registration.email,
    sameBrowser: registration.sameBrowser,
    name: typed.name,
    fields: typed.fields ?? {},
    problem: typed.problem ?? null,
  });
}

export async function showEnded(ctx: Context): Promise<void> {
  await ctx.render('accounts/verify-ended', {});
  ctx.status = 410;
}
