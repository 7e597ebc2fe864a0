import { lookup } from 'node:dns';
import { BlockList, isIP } from 'node:net';
import { isLoopbackAddress, isPublicAddress, type Resolve, resolverOf } from '../base/outside.ts';

/**
 * Whether the relay may connect to a network address. Outside always; inside only where the operator
 * allowed it, and, while we ourselves are reached without TLS, to our own sample API.
 * @param allowed hosts, addresses and networks: `api.internal`, `10.1.2.3`, `10.1.0.0/16`.
 */
export function relayReach({
  allowed,
  baseUrl,
}: {
  allowed: readonly string[];
  baseUrl: string;
}): (ip: string, url: URL) => boolean {
  const networks = new BlockList();
  const hosts = new Set<string>();
  for (const one of allowed) {
    const [address = '', bits] = one.toLowerCase().split('/');
    const version = isIP(address);
    if (version === 0) hosts.add(address);
    else networks.addSubnet(address, Number(bits ?? (version === 4 ? 32 : 128)), familyOf(address));
  }
  const own = baseUrl.startsWith('http:') ? new URL(baseUrl).origin : null;

  return (ip, { origin, hostname }) =>
    isPublicAddress(ip) ||
    hosts.has(hostname) ||
    (isIP(ip) !== 0 && networks.check(ip, familyOf(ip))) ||
    (origin === own && isLoopbackAddress(ip));
}

/**
 * Finds a host that the operator named as any program here would, in a hosts file too, and asks name
 * servers alone for all others: base/outside.ts says why.
 * @param allowed as above.
 */
export function relayResolve(allowed: readonly string[], others = resolverOf()): Resolve {
  const hosts = new Set(allowed.map((one) => one.toLowerCase()));
  return (hostname, options, answer) =>
    hosts.has(hostname) && !/(^|\.)localhost$/.test(hostname)
      ? lookup(hostname, options, answer)
      : others(hostname, options, answer);
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');
