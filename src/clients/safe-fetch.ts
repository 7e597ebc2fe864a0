import { request as overHttp, type RequestOptions } from 'node:http';
import { request as overHttps } from 'node:https';
import { isIP } from 'node:net';
import {
  checkedLookup,
  isLoopbackAddress,
  isPublicAddress,
  type Resolve,
} from '../base/outside.ts';
import { jwksUriFault } from './keys.ts';

/** Why a document could not be fetched, in a sentence for whoever gave its address. */
export class FetchFailed extends Error {}

export type FetchRules = {
  /** Whether this machine counts as outside: in development and tests. */
  loopback: boolean;
  /** Milliseconds for all of it. */
  timeout?: number;
  /** Bytes. */
  limit?: number;
  resolve?: Resolve;
};

/**
 * The text that stands at an address which somebody gave us. Names are resolved once, and the
 * connection goes to the addresses that were looked at: a name that answers otherwise the next time
 * gains nothing. No redirect is followed.
 * @throws {FetchFailed}
 */
export async function fetchText(address: string, rules: FetchRules): Promise<string> {
  const fault = jwksUriFault(address, rules);
  if (fault) throw new FetchFailed(fault);
  const url = new URL(address);
  const mayReach = (ip: string): boolean =>
    isPublicAddress(ip) || (rules.loopback && isLoopbackAddress(ip));
  const literal = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(literal) && !mayReach(literal)) throw notOutside();

  const timeout = rules.timeout ?? 3000;
  const signal = AbortSignal.timeout(timeout);
  try {
    return await ask(
      url,
      {
        signal,
        agent: false, // a connection of its own, which nobody else's lookup has opened
        lookup: checkedLookup(mayReach, notOutside, rules.resolve) as never, // Node's type knows one of the two shapes of the answer only
        headers: { accept: 'application/jwk-set+json, application/json', 'user-agent': 'Sandgate' },
      },
      rules.limit ?? 65_536,
    );
  } catch (error) {
    if (error instanceof FetchFailed) throw error;
    if (isOfNames(error)) throw notOutside();
    if (signal.aborted)
      throw new FetchFailed(`The server took longer than ${timeout / 1000} seconds.`);
    throw new FetchFailed(`The server could not be reached (${codeOf(error)}).`, { cause: error });
  }
}

/** The same of a name that nobody has and of one inside, or the answers would list ours. */
const notOutside = (): FetchFailed =>
  new FetchFailed('No server of the public Internet answers to this address.');

/** Whether a name server said so (`queryA`, `queryAaaa`), or said nothing. */
const isOfNames = (error: unknown): boolean =>
  String((error as NodeJS.ErrnoException).syscall).startsWith('query');

const codeOf = (error: unknown): string =>
  (error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.name : 'unknown');

function ask(url: URL, options: RequestOptions, limit: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? overHttps : overHttp;
    const call = send(url, options, (answer) => {
      const refuse = (sentence: string): void => {
        reject(new FetchFailed(sentence));
        call.destroy();
      };
      if (answer.statusCode !== 200)
        return refuse(`The server answered ${answer.statusCode}, not 200.`);
      const parts: Buffer[] = [];
      let size = 0;
      answer.on('data', (part: Buffer) => {
        size += part.length;
        if (size > limit) refuse(`The answer is larger than ${limit / 1024} kB.`);
        else parts.push(part);
      });
      answer.on('end', () => resolve(Buffer.concat(parts).toString('utf8')));
      answer.on('error', reject);
    });
    call.on('error', reject);
    call.end();
  });
}
