import type { Context } from 'koa';
import { accountOf } from '../accounts/session-cookie.ts';
import { Conflict, InvalidInput } from '../base/errors.ts';

/** What products' and APIs' pages have in common. */
export const mayPublish = (ctx: Context): boolean =>
  (accountOf(ctx)?.roles ?? []).some((role) => role === 'publisher' || role === 'owner');

/** What is wrong with the fields, or what stands in the way of them all. */
export type Refusal = { errors: Readonly<Record<string, string>> } | { problem: string };

/** Undefined where it failed: then `again` has shown the page, with all that was typed. */
export async function orAgain<T>(
  ctx: Context,
  work: () => Promise<T>,
  again: (refusal: Refusal) => Promise<void>,
): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    const invalid = error instanceof InvalidInput;
    if (!invalid && !(error instanceof Conflict)) throw error;
    await again(invalid ? { errors: error.fields } : { problem: error.message });
    ctx.status = invalid ? 422 : 409;
    return undefined;
  }
}
