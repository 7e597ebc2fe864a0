import type { Context, Middleware } from 'koa';

export const fhirJson = 'application/fhir+json; charset=utf-8';

/** A code of the value set http://hl7.org/fhir/R4/valueset-issue-type.html. */
export type IssueCode =
  | 'invalid'
  | 'structure'
  | 'too-long'
  | 'login'
  | 'expired'
  | 'forbidden'
  | 'not-found'
  | 'not-supported'
  | 'transient'
  | 'exception';

/** What RFC 6750 §3 puts into `WWW-Authenticate`; an empty one is for a request without a token. */
export type Challenge = {
  error?: 'invalid_request' | 'invalid_token' | 'insufficient_scope';
  /** Only the characters of RFC 6750 §3: printable ASCII without quotation mark and backslash. */
  description?: string;
  scope?: string;
};

/** Whatever this API refuses; `answerErrors` makes an OperationOutcome of it. */
export class Refusal extends Error {
  readonly status: number;
  readonly issue: IssueCode;
  readonly challenge: Challenge | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    issue: IssueCode,
    message: string,
    more: { challenge?: Challenge; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(message, { cause: more.cause });
    this.name = new.target.name;
    this.status = status;
    this.issue = issue;
    this.challenge = more.challenge;
    this.headers = more.headers ?? {};
  }
}

/** A refusal that says in its words and in its challenge the same. */
export const challenged = (
  status: number,
  issue: IssueCode,
  challenge: Challenge & { description: string },
): Refusal => new Refusal(status, issue, challenge.description, { challenge });

/** Answers every error below it with an OperationOutcome, and unknown ones without their words. */
export function answerErrors(metadataUrl: string): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (error) {
      const refusal = error instanceof Refusal ? error : unforeseen(error, ctx);
      ctx.status = refusal.status;
      ctx.set(refusal.headers);
      if (refusal.challenge) {
        ctx.set('WWW-Authenticate', bearer(refusal.challenge, metadataUrl));
      }
      answer(ctx, {
        resourceType: 'OperationOutcome',
        issue: [{ severity: 'error', code: refusal.issue, diagnostics: refusal.message }],
      });
    }
  };
}

/** Writes a resource; made-up or not, what looks like a health record is kept out of caches. */
export function answer(ctx: Context, resource: object): void {
  ctx.set('Cache-Control', 'no-store');
  ctx.body = JSON.stringify(resource);
  ctx.type = fhirJson;
}

function unforeseen(error: unknown, ctx: Context): Refusal {
  ctx.app.emit('error', error, ctx);
  return new Refusal(500, 'exception', 'Something went wrong on our side.', { cause: error });
}

/** RFC 6750 §3, with the pointer of RFC 9728 §5.1 to where tokens for this API come from. */
function bearer({ error, description, scope }: Challenge, metadataUrl: string): string {
  const attributes = {
    realm: 'sandbox-api',
    error,
    error_description: description,
    scope,
    resource_metadata: metadataUrl,
  };
  const written = Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}="${value}"`);
  return `Bearer ${written.join(', ')}`;
}
