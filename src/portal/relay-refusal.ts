import type { Link } from '../http/render.ts';

/** The relay did not make a call: which check failed, in a sentence, and what mends it. */
export class Refused extends Error {
  /** Stable, snake_case. */
  readonly code: string;
  readonly link: Link | undefined;

  constructor(code: string, message: string, link?: Link) {
    super(message);
    this.code = code;
    this.link = link;
  }
}
