import { z } from 'zod';
import { InvalidInput } from '../base/errors.ts';
import type { PasswordRules } from './password-rules.ts';

/** What is typed on the registration page, as it came. */
export const registrationFields = z.object({
  csrf: z.string().default(''),
  name: z.string().default(''),
  email: z.string().default(''),
  password: z.string().default(''),
  team: z.string().default(''),
  terms: z.string().default(''),
  return_to: z.string().default(''),
});
export type RegistrationFields = z.infer<typeof registrationFields>;

/** Control characters, CR and LF among them, and those that turn the direction of text around. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/u;
/** We write the name into a letter to an address that nobody has proven: it shall carry no message. */
const webAddress = /:\/\/|www\.|\S\.\S+\//i;

const line = (most: number) =>
  z
    .string()
    .refine((text) => !unprintable.test(text), 'Write this in one line of plain text.')
    .transform((text) => text.trim())
    .pipe(z.string().max(most, `Too long: use at most ${most} characters.`));

export const personName = line(100)
  .refine((text) => text !== '', 'Fill this in.')
  .refine((text) => !webAddress.test(text), 'Write a name, without a web address.');

export const emailAddress = line(254)
  .refine((text) => text !== '', 'Fill this in.')
  .pipe(z.email('Write an email address, such as name@example.com.'));

export const teamName = line(100).refine(
  (text) => !webAddress.test(text),
  'Write a name, without a web address.',
);

const checked = z.object({ name: personName, email: emailAddress, team: teamName });

/** @throws {InvalidInput} with a sentence for every field that needs another look, all at once. */
export function checkRegistration(
  given: RegistrationFields,
  rules: PasswordRules,
): { name: string; email: string; teamName: string; password: string } {
  const wrong = new Map<string, string>();
  const read = checked.safeParse(given);
  for (const { path, message } of read.error?.issues ?? []) {
    const field = String(path[0]);
    if (!wrong.has(field)) wrong.set(field, message);
  }
  const problem = rules.problemOf(given.password, given);
  if (problem) wrong.set('password', problem);
  if (given.terms !== 'yes')
    wrong.set('terms', 'Tick this to go on: without it there is no account.');
  if (!read.success || wrong.size > 0) throw new InvalidInput(Object.fromEntries(wrong));

  const { name, email, team } = read.data;
  return { name, email, teamName: team, password: given.password };
}

/** What is typed on the page of a link that was opened in another browser than the one that registered. */
export const ownerFields = z.object({
  csrf: z.string().default(''),
  name: z.string().default(''),
  password: z.string().default(''),
});

/** @throws {InvalidInput} */
export function checkOwner(
  given: { name: string; email: string; password: string },
  rules: PasswordRules,
): { name: string; password: string } {
  const wrong: Record<string, string> = {};
  const name = personName.safeParse(given.name);
  if (!name.success) wrong.name = name.error.issues[0]?.message ?? 'Fill this in.';
  const problem = rules.problemOf(given.password, given);
  if (problem) wrong.password = problem;
  if (!name.success || problem) throw new InvalidInput(wrong);
  return { name: name.data, password: given.password };
}

/** Six digits, as people copy them (`482 915`); undefined: these are not. */
export function codeOf(typed: string): string | undefined {
  const digits = typed.normalize('NFKC').replace(/[\s-]/g, '');
  return /^[0-9]{6}$/.test(digits) ? digits : undefined;
}
