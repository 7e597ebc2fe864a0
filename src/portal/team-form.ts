import { z } from 'zod';
import { emailAddress, teamName } from '../accounts/registration-form.ts';
import { InvalidInput } from '../base/errors.ts';
import { memberRoles } from '../teams/team.ts';

/** Forms of the pages about teams, as they come; what is typed is read by the functions below. */
export const bareForm = z.object({ csrf: z.string().default('') });
export const nameForm = bareForm.extend({ name: z.string().max(1000).default('') });
export const inviteForm = bareForm.extend({
  email: z.string().max(1000).default(''),
  role: z.enum(memberRoles).default('member'),
});
export const roleForm = bareForm.extend({ role: z.enum(memberRoles) });
export const handOverForm = bareForm.extend({ to: z.string().max(200).default('') });

const name = teamName.refine((text) => text !== '', 'Fill this in.');

/** @throws {InvalidInput} under `name` */
export const readName = (typed: string): string => read('name', name.safeParse(typed));

/** @throws {InvalidInput} under `email` */
export const readEmail = (typed: string): string => read('email', emailAddress.safeParse(typed));

function read(field: string, result: z.ZodSafeParseResult<string>): string {
  if (result.success) return result.data;
  throw new InvalidInput({ [field]: result.error.issues[0]?.message ?? 'Fill this in.' });
}
