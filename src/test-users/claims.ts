import { z } from 'zod';

/** Standard claims (OpenID Connect Core section 5.1) but `sub`, which nobody chooses. */
const text = z
  .string('Write text.')
  .max(500, 'Too long: use at most 500 characters.')
  .refine((given) => !/\p{Cc}/u.test(given), 'Write this in one line.');
const flag = z.boolean('Write true or false.');
const url = z.url({ protocol: /^https?$/, error: 'Write an address that begins with https://.' });
const address = z.strictObject(
  {
    formatted: text,
    street_address: text,
    locality: text,
    region: text,
    postal_code: text,
    country: text,
  },
  'Write text, or JSON with formatted, street_address, locality, region, postal_code and country.',
);

const standardClaims = z
  .strictObject({
    name: text,
    given_name: text,
    family_name: text,
    middle_name: text,
    nickname: text,
    preferred_username: text,
    profile: url,
    picture: url,
    website: url,
    email: z.email('Write an email address, such as name@example.com.'),
    email_verified: flag,
    gender: text,
    birthdate: z
      .string('Write a day such as 1985-04-12.')
      .regex(/^\d{4}(-\d\d-\d\d)?$/, 'Write a day such as 1985-04-12, or a year.'),
    zoneinfo: text,
    locale: text,
    phone_number: text,
    phone_number_verified: flag,
    address: address.partial(),
    updated_at: z
      .int('Write seconds since 1970, as a number.')
      .nonnegative('Write a number from 0 on.'),
  })
  .partial();

/** What the scopes `profile` and `email` share; the others are kept, and no token carries them. */
export const sharedClaims =
  'name, given_name, family_name, preferred_username, birthdate, gender, locale, zoneinfo, picture, website, updated_at, email, email_verified';

type Read = { claims: Record<string, unknown> } | { problem: string };

/**
 * What was typed: `birthdate: 1985-04-12`, one claim a line, or one JSON object. `problem` names the
 * claim, or the line, and says what to write there.
 */
export function readClaims(typed: string): Read {
  const given = typed.trim().startsWith('{') ? fromJson(typed) : fromLines(typed);
  if ('problem' in given) return given;
  const read = standardClaims.safeParse(given.claims);
  if (read.success) return { claims: read.data };
  const [issue] = read.error.issues;
  if (issue?.code === 'unrecognized_keys' && issue.path.length === 0) {
    return {
      problem: `${issue.keys[0]?.slice(0, 60)} is not a standard claim of OpenID Connect. Leave it out.`,
    };
  }
  return { problem: `${issue?.path.join('.')}: ${issue?.message}` };
}

/** As `readClaims` reads it back. */
export const claimsAsText = (claims: Readonly<Record<string, unknown>>): string =>
  Object.entries(claims)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('\n');

function fromJson(typed: string): Read {
  try {
    return { claims: JSON.parse(typed) };
  } catch {
    return {
      problem: 'This begins like JSON, and is not. Check commas, quotes and the last brace.',
    };
  }
}

function fromLines(typed: string): Read {
  const claims = new Map<string, unknown>();
  for (const line of typed.split(/\r?\n/).filter((one) => one.trim() !== '')) {
    const [, name, value] = /^\s*([^\s:=]+)\s*[:=]\s*(.*?)\s*$/.exec(line) ?? [];
    if (!name || value === undefined) {
      return {
        problem: `Write each line as name: value. This one is not: ${line.trim().slice(0, 60)}`,
      };
    }
    if (claims.has(name)) return { problem: `${name} is here twice. Keep one line of it.` };
    claims.set(name, typedValue(name, value));
  }
  return { claims: Object.fromEntries(claims) };
}

/** Typed text in the type that the claim has. */
function typedValue(name: string, value: string): unknown {
  if (/_verified$/.test(name) && /^(true|false)$/.test(value)) return value === 'true';
  if (name === 'updated_at' && /^\d+$/.test(value)) return Number(value);
  if (name !== 'address') return value;
  const object = value.startsWith('{') ? fromJson(value) : { claims: { formatted: value } };
  return 'problem' in object ? value : object.claims;
}
