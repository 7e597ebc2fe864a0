/**
 * The scope algebra: which scopes cover which. Scopes are plain (RFC 6749 §3.3 tokens, compared
 * byte for byte) or of SMART App Launch 2 (`user/Observation.rs`, and the `.read`, `.write` and
 * `.*` of version 1). What starts like a SMART scope and is not one that this module understands,
 * query constraints such as `user/Observation.rs?category=laboratory` included, is refused: it
 * covers nothing, and nothing covers it, not even itself.
 */

/** A SMART scope: one context, one resource type or `*`, and letters out of `cruds`. */
type Smart = { readonly context: string; readonly type: string; readonly letters: string };

/** `undefined` for what is refused, a text for a plain scope. */
type Parsed = Smart | string | undefined;

const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/; // RFC 6749 §3.3
const smartLike = /^(?:patient|user|system)\//;
const smart = /^(patient|user|system)\/(\*|[A-Z][A-Za-z]*)\.(read|write|\*|c?r?u?d?s?)$/;

/** SMART App Launch 2, "Scopes for requesting FHIR resources": what version 1 means in letters. */
const versionOne: Readonly<Record<string, string>> = { read: 'rs', write: 'cud', '*': 'cruds' };

/** The scopes of a `scope` parameter or claim, each once, in the order of their first mention. */
export const scopesOf = (text: string | undefined): string[] => [
  ...new Set((text ?? '').split(' ').filter((scope) => scope !== '')),
];

/**
 * Whether `granted`, all together, allow everything that `wanted` allows: `user/Observation.r` and
 * `user/*.s` cover `user/Observation.read`. No number of named resource types covers `*`, and no
 * context covers another.
 */
export function covers(granted: readonly string[], wanted: string): boolean {
  const goal = parse(wanted);
  if (goal === undefined) return false;
  if (typeof goal === 'string') return granted.includes(goal);

  const held = granted.map(parse).filter((scope) => reaches(scope, goal));
  return [...goal.letters].every((letter) => held.some((scope) => scope.letters.includes(letter)));
}

/** Those of `wanted` that `allowed` cover, in their own order. */
export const within = (wanted: readonly string[], allowed: readonly string[]): string[] =>
  wanted.filter((scope) => covers(allowed, scope));

function parse(scope: string): Parsed {
  if (!scopeToken.test(scope)) return undefined;
  if (!smartLike.test(scope)) return scope;

  const [, context, type, suffix] = smart.exec(scope) ?? [];
  if (!context || !type || !suffix) return undefined; // the pattern lets an empty suffix through
  return { context, type, letters: versionOne[suffix] ?? suffix };
}

/** Whether `scope` speaks of everything that `goal` does, whatever its letters. */
const reaches = (scope: Parsed, goal: Smart): scope is Smart =>
  typeof scope === 'object' &&
  scope.context === goal.context &&
  (scope.type === '*' || scope.type === goal.type);
