/**
 * What can go wrong in a use case, in the words of the domain. Only http/error-handler.ts knows
 * which status each becomes. Protocol errors are not here: those are oidc-provider's `errors`.
 */
export abstract class DomainError extends Error {
  /** Stable, snake_case; callers may switch on it. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

export class Unauthenticated extends DomainError {}
export class NotFound extends DomainError {}
export class Conflict extends DomainError {}
export class Forbidden extends DomainError {}

/** A person or program asked too often. */
export class TooMany extends DomainError {
  /** Seconds until it is worth trying again. */
  readonly retryAfter: number;
  /** Whether this is the first refusal of its kind until then: worth a note, as those after it are not. */
  readonly first: boolean;

  constructor(code: string, message: string, retryAfter: number, first = true) {
    super(code, message);
    this.retryAfter = retryAfter;
    this.first = first;
  }
}

/** We cannot answer now (a full queue, no database), and a later try may succeed. */
export class Busy extends DomainError {
  /** Seconds until it is worth trying again. */
  readonly retryAfter: number;

  constructor(code: string, message: string, retryAfter: number) {
    super(code, message);
    this.retryAfter = retryAfter;
  }
}

export class InvalidInput extends DomainError {
  /** Field name → what is wrong with it, ready to show beside the field. */
  readonly fields: Readonly<Record<string, string>>;

  constructor(fields: Record<string, string>) {
    super('invalid_input', 'Some fields need another look.');
    this.fields = fields;
  }
}
