import { z } from 'zod';

/** One line of plain text, without spaces around it. */
export const line = (most: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(most)
    .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u, 'Write this in one line of plain text.');

/** A moment with its offset (RFC 3339), as a date. */
export const moment = z.iso
  .datetime({ offset: true, error: 'Write a time such as 2027-11-23T12:00:00Z.' })
  .transform((text) => new Date(text));
