import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { request as overHttp, type RequestOptions } from 'node:http';
import { request as overHttps } from 'node:https';
import { BlockList, isIP } from 'node:net';
import { jwksUriFault } from './keys.ts';

/** Why a document could not be fetched, in a sentence for whoever gave its address. */
export class FetchFailed extends Error {}

/** Not the whole Internet: this machine, its neighbours, and what clouds keep for themselves (RFC 6890). */
const inside = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['168.63.129.16', 32], // Azure's own, on every machine of theirs
  ['169.254.0.0', 16], // where most clouds answer with credentials
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3], // groups, the reserved rest, and everybody
] as const) {
  inside.addSubnet(network, bits, 'ipv4');
}
/** Of IPv6 only what is given out is outside, less what leads to an IPv4 address or to nobody. */
const given = new BlockList();
given.addSubnet('2000::', 3, 'ipv6');
for (const [network, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  inside.addSubnet(network, bits, 'ipv6');
}

/** Whether an address lies where anybody can reach it, and not only we. */
export const isPublicAddress = (address: string): boolean => {
  const version = isIP(address.replace(/%.*$/, ''));
  if (version === 4) return !inside.check(address, 'ipv4');
  return version === 6 && given.check(address, 'ipv6') && !inside.check(address, 'ipv6');
};

const isLoopbackAddress = (address: string): boolean => /^127\./.test(address) || address === '::1';

export type FetchRules = {
  /** Whether this machine counts as outside: in development and tests. */
  loopback: boolean;
  /** Milliseconds for all of it. */
  timeout?: number;
  /** Bytes. */
  limit?: number;
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
        lookup: checked(mayReach) as never, // Node's type knows one of the two shapes of the answer only
        headers: { accept: 'application/jwk-set+json, application/json', 'user-agent': 'Sandgate' },
      },
      rules.limit ?? 65_536,
    );
  } catch (error) {
    if (error instanceof FetchFailed) throw error;
    if (signal.aborted)
      throw new FetchFailed(`The server took longer than ${timeout / 1000} seconds.`);
    throw new FetchFailed(`The server could not be reached (${codeOf(error)}).`, { cause: error });
  }
}

const notOutside = (): FetchFailed =>
  new FetchFailed('The address is not one of the public Internet.');

const codeOf = (error: unknown): string =>
  (error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.name : 'unknown');

type Answer = (error: Error | null, address?: string | LookupAddress[], family?: number) => void;

const checked =
  (mayReach: (ip: string) => boolean) =>
  (hostname: string, options: LookupOptions, answer: Answer): void => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return answer(error);
      const [first] = addresses;
      if (!first || !addresses.every(({ address }) => mayReach(address)))
        return answer(notOutside());
      if (options.all) return answer(null, addresses);
      answer(null, first.address, first.family);
    });
  };

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
