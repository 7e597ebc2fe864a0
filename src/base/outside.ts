import { type LookupAddress, type LookupOptions, promises } from 'node:dns';
import { BlockList, isIP } from 'node:net';

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

export const isLoopbackAddress = (address: string): boolean =>
  /^127\./.test(address) || address === '::1';

type Answer = (error: Error | null, address?: string | LookupAddress[], family?: number) => void;
/** As `dns.lookup` with `all: true`. */
export type Resolve = (
  hostname: string,
  options: LookupOptions & { all: true },
  answer: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * Asks name servers, and nobody else: `dns.lookup` would wait in one of the few threads that the
 * whole process shares, and whoever answers slowly for names of their own would hold up all others.
 * So a name that stands in a hosts file only is not known; this machine's own needs no server.
 * @param servers instead of the system's: `192.0.2.53`, `127.0.0.1:5353`.
 */
export const resolverOf =
  (servers?: readonly string[]): Resolve =>
  (hostname, _, answer) => {
    find(hostname, servers).then(
      (addresses) => answer(null, addresses),
      (error) => answer(error, []),
    );
  };

async function find(hostname: string, servers?: readonly string[]): Promise<LookupAddress[]> {
  if (/^(.+\.)?localhost\.?$/i.test(hostname)) return here; // RFC 6761 section 6.3
  const names = new promises.Resolver({ timeout: 1000, tries: 1 });
  if (servers) names.setServers(servers);
  const [four, six] = await Promise.allSettled([
    names.resolve4(hostname),
    names.resolve6(hostname),
  ]);
  const found = [...inFamily(four, 4), ...inFamily(six, 6)];
  if (found.length === 0) throw (four as PromiseRejectedResult).reason ?? nothingAt(hostname);
  return found;
}

const here: LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

const inFamily = (got: PromiseSettledResult<string[]>, family: 4 | 6): LookupAddress[] =>
  got.status === 'fulfilled' ? got.value.map((address) => ({ address, family })) : [];

const nothingAt = (hostname: string): Error =>
  Object.assign(new Error(`no address of ${hostname}`), { code: 'ENOTFOUND', syscall: 'query' });

/**
 * The `lookup` of a connection that may only lead to some addresses: a name is resolved once, and
 * where one of its addresses may not be reached, none is. An address instead of a name is not looked
 * up at all: ask `mayReach` of it first.
 */
export const checkedLookup =
  (mayReach: (ip: string) => boolean, refusal: () => Error, resolve: Resolve = resolverOf()) =>
  (hostname: string, options: LookupOptions, answer: Answer): void => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return answer(error);
      const [first] = addresses;
      if (!first || !addresses.every(({ address }) => mayReach(address))) return answer(refusal());
      if (options.all) return answer(null, addresses);
      answer(null, first.address, first.family);
    });
  };
