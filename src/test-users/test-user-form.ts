import { z } from 'zod';
import { InvalidInput } from '../base/errors.ts';
import { claimsAsText, readClaims } from './claims.ts';
import type { TestUserValues } from './own-service.ts';
import type { TestUser } from './test-user.ts';

/** What is typed about a test user, as it came. */
export const testUserFields = z.object({
  csrf: z.string().default(''),
  team: z.string().default(''),
  name: z.string().default(''),
  title: z.string().default(''),
  about: z.string().default(''),
  username: z.string().default(''),
  password: z.string().default(''),
  role: z.string().default(''),
  patient: z.string().default(''),
  claims: z.string().default(''),
});
export type TestUserFields = z.infer<typeof testUserFields>;

/** Control characters, and those that turn the direction of text around. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/u;

const line = (most: number) =>
  z
    .string()
    .refine((text) => !unprintable.test(text), 'Write this in one line of plain text.')
    .transform((text) => text.trim())
    .pipe(z.string().max(most, `Too long: use at most ${most} characters.`));
const filled = (most: number) => line(most).refine((text) => text !== '', 'Fill this in.');

const values = z.object({
  name: filled(100),
  title: line(60),
  about: line(200),
  username: filled(100).refine((text) => !/\s/.test(text), 'Write this without spaces.'),
  // What people choose where it is short is what strangers guess, and any client of the team takes it.
  password: z
    .string()
    .refine((text) => !unprintable.test(text), 'Write this in one line of plain text.')
    .pipe(z.string().max(200, 'Too long: use at most 200 characters.'))
    .refine((text) => text.length >= 8, 'Too short: use at least 8 characters.'),
  role: filled(60).refine(
    (text) => /^[\w.:-]+$/.test(text),
    'Use letters, digits, dots, dashes, colons and underscores.',
  ),
  patient: line(64).refine(
    (text) => /^[A-Za-z0-9.-]*$/.test(text),
    'Write the id of a patient: letters, digits, dots and dashes.',
  ),
});

/** @throws {InvalidInput} with a sentence for every field that needs another look, all at once. */
export function checkTestUser(given: TestUserFields): TestUserValues {
  const wrong = new Map<string, string>();
  const read = values.safeParse(given);
  for (const { path, message } of read.error?.issues ?? []) {
    const field = String(path[0]);
    if (!wrong.has(field)) wrong.set(field, message);
  }
  const claims = readClaims(given.claims);
  if ('problem' in claims) wrong.set('claims', claims.problem);
  if (!read.success || 'problem' in claims) throw new InvalidInput(Object.fromEntries(wrong));
  return { ...read.data, patient: read.data.patient || null, claims: claims.claims };
}

/** The form as it stands for this one; its name is a field, and so no line among the claims. */
export function fieldsOf(
  testUser: Omit<TestUser, 'sealedPassword'> & { password: string },
): TestUserFields {
  const { name, title, about, username, password, role, patient } = testUser;
  const { name: claimed, ...rest } = testUser.claims;
  const claims = claimsAsText(claimed === name ? rest : testUser.claims);
  const team = testUser.teamId ?? '';
  const texts = { name, title, about, username, password, role, claims };
  return { csrf: '', team, ...texts, patient: patient ?? '' };
}
