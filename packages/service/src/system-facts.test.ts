import { expect, it } from 'vitest';
import { systemFacts } from './system-facts.ts';

const FILES: Record<string, string> = {
  '/proc/self/limits':
    'Limit                     Soft Limit           Hard Limit           Units\nMax open files            20480                1048576              files\n',
  '/proc/sys/net/core/somaxconn': '4096\n',
  '/proc/sys/net/ipv4/tcp_mem': '10\t20\t30\n',
  '/proc/net/sockstat': 'sockets: used 7\nTCP: inuse 5 orphan 0 tw 0 alloc 6 mem 3\nUDP: inuse 1 mem 9\n',
  '/proc/sys/net/netfilter/nf_conntrack_max': '65536\n',
  '/proc/sys/net/netfilter/nf_conntrack_count': '12\n',
  '/proc/sys/net/ipv4/ip_local_port_range': '32768\t60999\n',
};

it('reads limits of the kernel, those of memory in bytes', () => {
  const facts = systemFacts((path) => FILES[path] ?? '');
  expect(facts).toEqual({
    platform: process.platform,
    maxOpenFiles: 20_480,
    somaxconn: 4096,
    tcpMemoryLimitBytes: 30 * 4096,
    tcpMemoryBytes: 3 * 4096,
    conntrackMax: 65_536,
    conntrackCount: 12,
    firstLocalPort: 32_768,
    lastLocalPort: 60_999,
  });
});

it('gives null for each that is not there, and never throws', () => {
  const facts = systemFacts((path) => {
    if (path === '/proc/sys/net/core/somaxconn') return '128\n';
    throw new Error('ENOENT');
  });
  const { platform, somaxconn, ...others } = facts;
  expect({ platform, somaxconn }).toEqual({ platform: process.platform, somaxconn: 128 });
  expect(new Set(Object.values(others))).toEqual(new Set([null]));
});
