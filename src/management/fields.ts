import { z } from 'zod';

/** Of so many characters, as people and OpenAPI count them: not in halves of emoji. */
export const textUpTo = (most: number) =>
  z
    .string()
    .refine((text) => [...text].length <= most, `Too long: use at most ${most} characters.`);

/** One line of plain text, without spaces around it. */
export const line = (most: number) =>
  textUpTo(most)
    .trim()
    .min(1)
    .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u, 'Write this in one line of plain text.');

/** A moment with its offset (RFC 3339), as a date. */
export const moment = z.iso
  .datetime({ offset: true, error: 'Write a time such as 2027-11-23T12:00:00Z.' })
  .transform((text) => new Date(text));
