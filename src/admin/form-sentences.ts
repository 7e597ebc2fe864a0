import type { z } from 'zod';
import type { Fault } from './faults.ts';

type Issue = Parameters<z.core.$ZodErrorMap>[0];

/** What a person reads where a rule of the programme brings no words of its own. */
export function sentenceOf(issue: Issue): string | undefined {
  if (issue.code === 'too_big' && issue.origin === 'string') {
    return `Too long: use at most ${issue.maximum.toLocaleString('en-GB')} characters.`;
  }
  if (issue.code === 'too_big')
    return `Too large: the most is ${issue.maximum.toLocaleString('en-GB')}.`;
  if (issue.code === 'invalid_value') return 'Choose one of the options.';
  if (issue.code === 'too_small' || issue.code === 'invalid_type') {
    return 'Write a whole number above 0.';
  }
  return undefined;
}

/**
 * One sentence for each field of a form, from what the rules of the programme say of it. A list is
 * typed a line each, so that its place there is named.
 */
export function errorsOf(
  faults: readonly { path: readonly PropertyKey[]; message: string }[],
  fieldNames: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const errors = new Map<string, string>();
  for (const { path, message } of faults) {
    const field = fieldNames[String(path[0])] ?? String(path[0] ?? 'form');
    if (errors.has(field)) continue;
    const place = placeOf(path[1]);
    const sentence = place ? `${place}: ${message}` : capital(message);
    errors.set(field, /[.?:]$/.test(sentence) ? sentence : `${sentence}.`);
  }
  return Object.fromEntries(errors);
}

/** Shown beside one another under one name. */
const withinField = /^(calls|seconds|includedCalls|perThousand|currency)$/;

/** Within a field: a line of a list, or an entry by its name, such as a role. */
function placeOf(step: PropertyKey | undefined): string | undefined {
  if (typeof step === 'number') return `Line ${step + 1}`;
  return typeof step === 'string' && !withinField.test(step) ? step : undefined;
}

/** Of a programme that holds one thing: without the way to it. */
export const withinOne = (faults: readonly Fault[]): Fault[] =>
  faults.map(({ path, message }) => ({ path: path.slice(2), message }));

const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
