import type { Context } from 'koa';

/** One thing that is wrong with what came, and where: in the body (RFC 6901) or in the query. */
export type Flaw = { detail: string; pointer?: string; parameter?: string };

/**
 * What only this API refuses, beside what use cases throw. Told by http/error-handler.ts, which takes
 * what has `expose` and a status for foreseen.
 */
export class Problem extends Error {
  readonly expose = true;
  readonly status: number;
  /** Stable, snake_case. */
  readonly code: string;
  readonly flaws: readonly Flaw[];

  constructor(status: number, code: string, message: string, flaws: readonly Flaw[] = []) {
    super(message);
    this.name = new.target.name;
    this.status = status;
    this.code = code;
    this.flaws = flaws;
  }
}

/** What http/error-handler.ts has made of an error. */
type Told = {
  status: number;
  error: string;
  error_description: string;
  fields?: Readonly<Record<string, string>>;
  retryAfter?: number | undefined;
};

/** Sentences where those of our pages speak of forms. */
const sentences: Readonly<Record<number, string>> = {
  413: 'That was too much at once: a body may have 64 kB.',
  415: 'Send this as JSON (application/json).',
};

/** Answers an error as RFC 9457 says. */
export function tellProblem(ctx: Context, told: Told, error: unknown): void {
  const own = error instanceof Problem ? error : undefined;
  const flaws: readonly Flaw[] =
    own?.flaws ??
    Object.entries(told.fields ?? {}).map(([field, detail]) => ({
      detail,
      pointer: pointerOf([field]),
    }));
  const code = own?.code ?? told.error;
  const retryAfter = told.retryAfter && Math.max(1, Math.ceil(told.retryAfter)); // whole seconds
  if (retryAfter) ctx.set('Retry-After', String(retryAfter));
  ctx.set('Cache-Control', 'no-store');
  ctx.status = told.status;
  ctx.body = JSON.stringify({
    type: `urn:sandgate:problem:${code}`,
    title: titles[told.status] ?? 'Error',
    status: told.status,
    detail: own?.message ?? sentences[told.status] ?? told.error_description,
    code,
    request_id: String(ctx.state.requestId ?? ''),
    ...(flaws.length > 0 && { errors: flaws }),
  });
  ctx.type = 'application/problem+json';
}

const titles: Readonly<Record<number, string>> = {
  400: 'The request could not be read',
  401: 'A token is needed',
  403: 'This is not allowed',
  404: 'There is no such thing',
  405: 'Not with this method',
  406: 'Not in this form',
  409: 'This does not fit what is there',
  413: 'Too much at once',
  415: 'Not in this form',
  422: 'Something needs another look',
  429: 'Too often',
  500: 'Something broke',
  503: 'Not just now',
};

/** RFC 6901, as a fragment. */
export const pointerOf = (path: readonly PropertyKey[]): string =>
  `#${path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')}`;
