import type { Context } from 'koa';
import { Busy, TooMany } from '../base/errors.ts';

/**
 * Does what a form asks for. Where that came too often, or too much else is going on, `show`
 * answers the same form with what was typed and the sentence, for a page of its own would lose it.
 */
export async function orAskToWait(
  ctx: Context,
  deed: () => Promise<void>,
  show: (problem: string, error: TooMany | Busy) => Promise<void>,
): Promise<void> {
  try {
    await deed();
  } catch (error) {
    if (!(error instanceof TooMany || error instanceof Busy)) throw error;
    await show(error.message, error);
    ctx.set('Retry-After', String(Math.ceil(error.retryAfter)));
    ctx.status = error instanceof TooMany ? 429 : 503;
  }
}
