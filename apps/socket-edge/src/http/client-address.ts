import type { IncomingMessage } from 'node:http';
import proxyAddress from '@fastify/proxy-addr';
import ipaddr from 'ipaddr.js';

/** Of an IPv6 address: a network of one user, which may take any address in it. */
const NETWORK_GROUPS = 4;
const HEXADECIMAL = 16;
/** What is no address, as proxies may write (`unknown`, `_hidden`), is kept as a key; not in any length. */
const MAX_KEY_CHARACTERS = 64;
const BRACKETED = /^\[([^\]]*)\](?::\d+)?$/;
const IPV4_WITH_PORT = /^([\d.]+):\d+$/;

/** Returns the key by which a request's sender is counted: its address, behind trusted proxies; of IPv6 its network of 64 bits. */
export function senderOf(trustedProxies: readonly string[]): (request: IncomingMessage) => string {
  if (trustedProxies.length === 0) return ({ socket }) => networkOf(socket.remoteAddress ?? '');
  const trusts = proxyAddress.compile([...trustedProxies]);
  return (request) =>
    networkOf(withoutPort(proxyAddress(request, (address, index) => trusts(withoutPort(address), index))));
}

/** Some proxies write the port after the address: `203.0.113.8:4711`, `[2001:db8::1]:4711`. */
function withoutPort(entry: string): string {
  return BRACKETED.exec(entry)?.[1] ?? IPV4_WITH_PORT.exec(entry)?.[1] ?? entry;
}

function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address.slice(0, MAX_KEY_CHARACTERS);
  // An IPv4 address in an IPv6 one is that IPv4 address.
  const parsed = ipaddr.process(address);
  if (!(parsed instanceof ipaddr.IPv6)) return parsed.toString();
  const groups = parsed.parts.slice(0, NETWORK_GROUPS).map((group) => group.toString(HEXADECIMAL));
  return `${groups.join(':')}::/64`;
}
