import { STATUS_CODES } from 'node:http';
import type { Context, Middleware } from 'koa';
import {
  Busy,
  Conflict,
  DomainError,
  Forbidden,
  InvalidInput,
  NotFound,
  TooMany,
  Unauthenticated,
} from '../base/errors.ts';
import { underIssuer } from './security-headers.ts';

type Answer = {
  readonly status: number;
  readonly error: string;
  readonly error_description: string;
  readonly fields?: Readonly<Record<string, string>>;
  /** Seconds. */
  readonly retryAfter?: number;
};

const statusOf = (error: DomainError): number => {
  if (error instanceof Unauthenticated) return 401;
  if (error instanceof Forbidden) return 403;
  if (error instanceof NotFound) return 404;
  if (error instanceof Conflict) return 409;
  if (error instanceof InvalidInput) return 422;
  if (error instanceof TooMany) return 429;
  if (error instanceof Busy) return 503;
  return 400;
};

/** Sentences for what Koa, its router and the body parser refuse. */
const sentences: Readonly<Record<number, string>> = {
  400: 'The request could not be read.',
  404: 'There is nothing at this address.',
  405: 'This address does not take that method.',
  413: 'That was too much at once: a form may have 32 kB.',
  415: 'Send this as a form (application/x-www-form-urlencoded).',
  421: 'This server does not answer under that name.',
  501: 'This server does not know that method.',
};

/** Socket errors, pg's own words for a connection that never came, and a server that stops or is full. */
const noDatabase =
  /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|EPIPE|ETIMEDOUT|57P0\d|08\d{3}|53300)$/;
const noConnection = /timeout exceeded when trying to connect|Connection terminated/i;

const plain = (status: number): Answer => ({
  status,
  error: (STATUS_CODES[status] ?? 'error').toLowerCase().replace(/\W+/g, '_'),
  error_description: sentences[status] ?? `${STATUS_CODES[status] ?? 'Something went wrong'}.`,
});

const isHttpError = (error: unknown): error is Error & { status: number } =>
  error instanceof Error &&
  'expose' in error &&
  error.expose === true &&
  'status' in error &&
  typeof error.status === 'number';

const lostDatabase = (error: unknown): boolean =>
  error instanceof Error &&
  (('code' in error && noDatabase.test(String(error.code))) || noConnection.test(error.message));

/** `undefined`: nobody foresaw this one. */
function foreseen(error: unknown): Answer | undefined {
  if (error instanceof DomainError) {
    return {
      status: statusOf(error),
      error: error.code,
      error_description: error.message,
      ...(error instanceof InvalidInput && { fields: error.fields }),
      ...((error instanceof TooMany || error instanceof Busy) && { retryAfter: error.retryAfter }),
    };
  }
  return isHttpError(error) ? plain(error.status) : undefined;
}

const unforeseen = (error: unknown): Answer =>
  lostDatabase(error)
    ? {
        status: 503,
        error: 'temporarily_unavailable',
        error_description: 'We cannot reach our database at the moment.',
        retryAfter: 5,
      }
    : { status: 500, error: 'server_error', error_description: 'Something broke on our side.' };

/** Refuses what the router would pass on undecoded, and a NUL, which Postgres does not take. */
function refuseUnreadable(ctx: Context): void {
  try {
    decodeURIComponent(ctx.path);
  } catch {
    ctx.throw(400);
  }
  if (/%00/.test(ctx.url)) ctx.throw(400);
}

/**
 * Outermost but for what gives `ctx.render` and the headers: answers every error once, as a page
 * to a browser and as JSON to all else. What nobody foresaw is logged whole and told to the caller
 * as `server_error`, or as 503 when it is the database that is away.
 */
export const errorHandler =
  ({
    log,
    showSignIn,
    api,
  }: {
    log: (error: unknown, ctx: Context) => void;
    /** Answers a browser that must sign in first: the form, in the place of the page. */
    showSignIn?: (ctx: Context, error: Unauthenticated) => Promise<void>;
    /** Addresses whose errors are told in a way of their own, never as a page. */
    api?: { owns(path: string): boolean; tell(ctx: Context, told: Answer, error?: unknown): void };
  }): Middleware =>
  async (ctx, next) => {
    const inPopup = underIssuer(ctx.path); // now: koa-mount cuts the path on the way
    const inApi = api?.owns(ctx.path) ? api : undefined;
    try {
      refuseUnreadable(ctx);
      await next();
      const unanswered = ctx.body == null && [404, 405, 501].includes(ctx.status);
      if (unanswered && ctx.respond !== false) await tell(ctx, plain(ctx.status), inPopup);
    } catch (error) {
      const answer = foreseen(error);
      if (!answer) log(error, ctx);
      if (ctx.headerSent) {
        ctx.res.destroy(); // half an answer is out: a cut says so, an end would pretend it was whole
        return;
      }
      if (inApi) {
        inApi.tell(ctx, answer ?? unforeseen(error), error);
        return;
      }
      const asksToSignIn = error instanceof Unauthenticated && wantsPage(ctx) && !inPopup;
      const told =
        asksToSignIn && showSignIn
          ? showSignIn(ctx, error)
          : tell(ctx, answer ?? unforeseen(error), inPopup);
      await told.catch((broken) => {
        log(broken, ctx); // the error page itself
        ctx.type = 'text';
        ctx.body = 'Something broke on our side.';
      });
    }
  };

/** In this order: `*` + `/*` gets JSON. */
const wantsPage = (ctx: Context): boolean => ctx.accepts('json', 'html') === 'html';

async function tell(ctx: Context, told: Answer, inPopup: boolean): Promise<void> {
  const { status, ...body } = told;
  const retryAfter = told.retryAfter && Math.max(1, Math.ceil(told.retryAfter)); // whole seconds
  const answer = { ...told, retryAfter };

  ctx.status = status;
  ctx.set('Cache-Control', 'no-store');
  if (retryAfter !== undefined) ctx.set('Retry-After', String(retryAfter));

  if (wantsPage(ctx))
    await ctx.render('error', answer, { layout: inPopup ? 'popup-layout' : 'layout' });
  else ctx.body = { ...body, retryAfter: undefined }; // the header says it
  ctx.status = status;
}
