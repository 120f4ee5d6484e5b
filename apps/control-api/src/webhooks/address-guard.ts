import type { LookupAddress } from 'node:dns';
import { BlockList, type LookupFunction, isIP, isIPv6 } from 'node:net';
import { type Resolve, sharedLookup } from './shared-lookup.ts';

/**
 * Addresses that are not of the public Internet (IANA's special-purpose registries): whoever may name a URL must not reach
 * with it what only this machine, or its network, can reach.
 */
const FORBIDDEN = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
] as const) {
  FORBIDDEN.addSubnet(network, bits, 'ipv4');
}
for (const [network, bits] of [
  // Unspecified, loopback, and IPv4 addresses in the form of IPv4-compatible ones.
  ['::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  // Special purposes, with Teredo in it, which carries IPv4 addresses.
  ['2001::', 23],
  ['2001:db8::', 32],
  // 6to4: carries IPv4 addresses.
  ['2002::', 16],
  ['3fff::', 20],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
] as const) {
  FORBIDDEN.addSubnet(network, bits, 'ipv6');
}
/** NAT64 of networks that have IPv6 only: what counts is the IPv4 address in it. */
const NAT64 = new BlockList();
NAT64.addSubnet('64:ff9b::', 96, 'ipv6');

/** Whether nothing is sent to an IP address; IPv4 addresses in IPv6 form count as what they are. */
export function isForbidden(address: string): boolean {
  if (!isIPv6(address)) return FORBIDDEN.check(address, 'ipv4');
  // A zone, `fe80::1%eth0`, is of link-local addresses only.
  const plain = address.replace(/%.*$/, '');
  // Mapped ones, `::ffff:127.0.0.1`, are judged by the list of IPv4.
  return FORBIDDEN.check(plain, 'ipv6') || (NAT64.check(plain, 'ipv6') && FORBIDDEN.check(embeddedIn(plain), 'ipv4'));
}

/** Whether the host of a URL is an address, and forbidden. */
export function isForbiddenHost(hostname: string): boolean {
  const address = hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(address) !== 0 && isForbidden(address);
}

/** The last four bytes of an address of IPv6. */
function embeddedIn(address: string): string {
  // URL writes it in its one canonical form, the last two groups in hexadecimal.
  const groups = new URL(`http://[${address}]`).hostname.slice(1, -1).split(':');
  const [high, low] = groups.slice(-2).map((group) => Number.parseInt(group || '0', 16));
  return [(high ?? 0) >> 8, (high ?? 0) & 255, (low ?? 0) >> 8, (low ?? 0) & 255].join('.');
}

/** A name, or an address, to which nothing is sent. */
export class AddressNotAllowed extends Error {
  readonly code = 'address-not-allowed';

  constructor(host: string, address: string) {
    super(`${host === address ? host : `${host} (${address})`} is not a public address`);
    this.name = 'AddressNotAllowed';
  }
}

/**
 * The `lookup` of connections: a name is refused when any of its addresses is forbidden. They are judged for each
 * connection, which goes to the very addresses that were judged, so it makes no difference when a name changes in between.
 */
export function guardedLookup(resolve: Resolve = sharedLookup()): LookupFunction {
  return lookupOf(resolve, (hostname, addresses) => {
    const forbidden = addresses.find(({ address }) => isForbidden(address));
    return forbidden === undefined ? null : new AddressNotAllowed(hostname, forbidden.address);
  });
}

/** The same where every address is allowed. */
export function unguardedLookup(resolve: Resolve = sharedLookup()): LookupFunction {
  return lookupOf(resolve, () => null);
}

function lookupOf(
  resolve: Resolve,
  judge: (hostname: string, addresses: readonly LookupAddress[]) => Error | null,
): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '');
      const refused = judge(hostname, addresses);
      if (refused !== null) return callback(refused, '');
      if (options.all) return callback(null, addresses);
      const [first] = addresses;
      if (first === undefined) return callback(new Error(`${hostname} has no address`), '');
      callback(null, first.address, first.family);
    });
  };
}
