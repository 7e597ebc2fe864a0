import { type IncomingMessage, request as overHttp } from 'node:http';
import { request as overHttps } from 'node:https';
import { isIP } from 'node:net';
import { checkedLookup, type Resolve } from '../base/outside.ts';
import { Refused } from './relay-refusal.ts';
import type { RelayRequest } from './relay-request.ts';

/** What came back. */
export type RelayAnswer = {
  version: string;
  status: number;
  statusText: string;
  headers: [name: string, value: string][];
  body: Buffer;
  /** Whether there was more than we take. */
  cut: boolean;
};

/** The call was made, and no answer came: why. */
export class CallFailed extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export type CallRules = {
  /** Whether the relay may connect to this network address for that host. */
  mayReach: (ip: string, url: URL) => boolean;
  resolve?: Resolve;
  /** Milliseconds until the answer begins, and until all of it is there. */
  patience?: { first: number; whole: number };
  /** Bytes of the answer's body. */
  limit?: number;
};

/**
 * Sends exactly this request, and no other: names are resolved once, every address is looked at
 * before we connect, nothing is added, and a redirect is an answer like any other.
 * @throws {Refused} `inside`; {CallFailed}
 */
export async function call(request: RelayRequest, rules: CallRules): Promise<RelayAnswer> {
  const { url } = request;
  const { first, whole } = rules.patience ?? { first: 10_000, whole: 30_000 };
  const mayReach = (ip: string): boolean => rules.mayReach(ip, url);
  const literal = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(literal) && !mayReach(literal)) throw inside();

  const tooSlow = new AbortController();
  let seconds = first / 1000;
  const beginning = setTimeout(() => tooSlow.abort(), first);
  const ending = setTimeout(() => {
    seconds = whole / 1000;
    tooSlow.abort();
  }, whole);
  try {
    return await ask(request, {
      signal: tooSlow.signal,
      lookup: checkedLookup(mayReach, inside, rules.resolve),
      limit: rules.limit ?? 5 * 1024 * 1024,
      begun: () => clearTimeout(beginning),
    });
  } catch (error) {
    if (error instanceof Refused) throw error;
    if (tooSlow.signal.aborted) {
      throw new CallFailed('too_slow', `The API took longer than ${seconds} seconds.`);
    }
    throw new CallFailed('not_reached', wordsOf(error));
  } finally {
    clearTimeout(beginning);
    clearTimeout(ending);
  }
}

const inside = (): Refused =>
  new Refused(
    'inside',
    'The address of this API lies in a private network, and the operator has not allowed it.',
  );

const wordsOf = (error: unknown): string => {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'ENOTFOUND') return 'There is no server of this name.';
  if (code === 'ECONNREFUSED') return 'Nothing listens at the address of this API.';
  if (code === 'ECONNRESET') return 'The API broke off before it answered.';
  if (/CERT|SSL|TLS/.test(code)) return `The certificate of this API is not right (${code}).`;
  return `The API could not be reached${code && ` (${code})`}.`;
};

type Asking = {
  signal: AbortSignal;
  lookup: ReturnType<typeof checkedLookup>;
  limit: number;
  begun: () => void;
};

function ask(
  { method, url, headers, body }: RelayRequest,
  { signal, lookup, limit, begun }: Asking,
): Promise<RelayAnswer> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? overHttps : overHttp;
    const sent = send(
      url,
      {
        method,
        signal,
        agent: false, // a connection of its own, which nobody else's lookup has opened
        lookup: lookup as never, // Node's type knows one of the two shapes of the answer only
        setDefaultHeaders: false,
        headers: headers.flat(),
        maxHeaderSize: 65_536,
      } as never, // and no list of headers
      (answer) => {
        begun();
        gather(answer, limit).then((got) => {
          resolve(got);
          sent.destroy();
        }, reject);
      },
    );
    sent.on('error', reject);
    sent.on('upgrade', (_answer, socket) => {
      socket.destroy();
      reject(new Error('it wants another protocol'));
    });
    sent.end(body);
  });
}

function gather(answer: IncomingMessage, limit: number): Promise<RelayAnswer> {
  const { rawHeaders } = answer;
  const headers = rawHeaders.flatMap((name, at): [string, string][] =>
    at % 2 === 0 ? [[name, rawHeaders[at + 1] ?? '']] : [],
  );
  const parts: Buffer[] = [];
  let size = 0;
  return new Promise((resolve, reject) => {
    const done = (cut: boolean): void =>
      resolve({
        version: answer.httpVersion,
        status: answer.statusCode ?? 0,
        statusText: answer.statusMessage ?? '',
        headers,
        body: Buffer.concat(parts).subarray(0, limit),
        cut,
      });
    answer.on('data', (part: Buffer) => {
      parts.push(part);
      size += part.length;
      if (size > limit) done(true);
    });
    answer.on('end', () => done(false));
    answer.on('error', reject);
  });
}
