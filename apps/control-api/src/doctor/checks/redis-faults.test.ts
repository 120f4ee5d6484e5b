import { describe, expect, it } from 'vitest';
import { KNOWN_FAULTS, compareVersions, faultsOf } from './redis-faults.ts';

describe('known faults', () => {
  it.each([
    ['redis', '7.2.10', ['CVE-2025-49844']],
    ['redis', '7.2.7', ['CVE-2025-49844', 'CVE-2025-21605']],
    ['redis', '7.2.11', []],
    ['redis', '7.2.99', []],
    // A branch that got no fix.
    ['redis', '7.0.15', ['CVE-2025-49844', 'CVE-2025-21605']],
    // One that began after it.
    ['redis', '8.4.0', []],
    ['redis', '8.6.2', ['CVE-2026-23479']],
    ['redis', '8.6.3', []],
    ['valkey', '8.1.3', ['CVE-2025-49844', 'CVE-2026-23479', 'CVE-2026-63639']],
    ['valkey', '9.1.0', ['CVE-2026-63639']],
    ['valkey', '9.1.1', []],
    ['valkey', '9.2.0', []],
  ] as const)('of %s %s are %j', (server, version, names) => {
    expect(faultsOf(server, version).map(({ name }) => name)).toEqual(names);
  });

  it('each have a source, and one fix a branch', () => {
    for (const { source, fixedIn } of KNOWN_FAULTS) {
      expect(source).toMatch(/^https:\/\//);
      const branches = fixedIn.map((version) => version.split('.').slice(0, 2).join('.'));
      expect(new Set(branches).size).toBe(branches.length);
      expect(fixedIn).toEqual(fixedIn.toSorted(compareVersions));
    }
  });
});

it('compares versions by their numbers, and not as texts', () => {
  expect(compareVersions('7.2.10', '7.2.9')).toBeGreaterThan(0);
  expect(compareVersions('8.0.0-rc1', '8.0.0')).toBe(0);
  expect(compareVersions('7.4', '7.4.0')).toBe(0);
  expect(compareVersions('', '7.0.0')).toBeLessThan(0);
});
