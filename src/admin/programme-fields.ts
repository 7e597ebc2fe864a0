import { z } from 'zod';
import { urlOf } from '../base/url.ts';

/** What the fields of a programme are made of, in a file and on a page alike. */

/** What goes into ids that people read and addresses carry. */
export const id = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/, 'letters, digits, ".", "_" and "-"');
/** A line break could end a header of a mail. */
export const line = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(300)
  .regex(/^[^\p{Cc}\u2028\u2029]*$/u, 'must be one line');
/** A line that is not there is an empty one. */
export const maybeLine = z
  .string()
  .trim()
  .max(300)
  .regex(/^[^\p{Cc}\u2028\u2029]*$/u, 'must be one line')
  .default('');
export const text = z
  .string()
  .trim()
  .max(20_000)
  .regex(/^[^\0]*$/, 'must be text')
  .default('');
export const absoluteUri = z
  .string()
  .refine(
    (uri) => urlOf(uri) !== undefined && !uri.includes('#') && !/\s/.test(uri),
    'an absolute URI without a fragment',
  );
export const scope = z.string().regex(/^[!#-[\]-~]+$/, 'a scope (RFC 6749 section 3.3)');
