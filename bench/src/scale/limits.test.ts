import { describe, expect, it } from 'vitest';
import { changesFor } from './limits.ts';

const usual: Record<string, string> = {
  'net.ipv4.tcp_mem': '287901 383869 575802',
  'fs.file-max': '2466193',
  'net.core.somaxconn': '4096',
  'net.ipv4.ip_local_port_range': '32768 60999',
};
const read = (limits: Record<string, string>) => async (name: string) => limits[name] ?? null;

describe('limits of the kernel', () => {
  it('are left alone when they are enough', async () => {
    expect(await changesFor(50_000, read(usual))).toEqual([]);
  });

  it('are named with what they must be when they are not', async () => {
    expect(await changesFor(1_000_000, read(usual))).toEqual([
      { name: 'net.ipv4.tcp_mem', from: '287901 383869 575802', to: '4000000 4000000 6000000' },
      { name: 'fs.file-max', from: '2466193', to: '3100000' },
    ]);
  });

  it('are looked at one by one, those included that only some machines have', async () => {
    const tight = {
      ...usual,
      'net.core.somaxconn': '128',
      'net.ipv4.ip_local_port_range': '60500 60999',
      'net.netfilter.nf_conntrack_max': '65536',
    };
    expect((await changesFor(10_000, read(tight))).map(({ name, to }) => `${name} ${to}`)).toEqual([
      'net.core.somaxconn 4096',
      'net.ipv4.ip_local_port_range 10000 60999',
      'net.netfilter.nf_conntrack_max 110000',
    ]);
  });
});
