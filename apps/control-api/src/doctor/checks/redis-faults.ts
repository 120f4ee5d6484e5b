/** A fault that a release of Redis or Valkey has fixed, and that matters to who runs Holdfast on it. */
export interface KnownFault {
  readonly server: 'redis' | 'valkey';
  readonly name: string;
  readonly what: string;
  /** The first version that has it. */
  readonly from: string;
  /** The first version without it, of each branch that got a fix; later branches never had it. */
  readonly fixedIn: readonly string[];
  readonly source: string;
}

/** From release notes and advisories. A new one is a line here. */
export const KNOWN_FAULTS: readonly KnownFault[] = [
  {
    server: 'redis',
    name: 'CVE-2025-49844',
    what: 'whoever may run scripts can run code on the server',
    from: '2.6.0',
    fixedIn: ['6.2.20', '7.2.11', '7.4.6', '8.0.4', '8.2.2'],
    source: 'https://github.com/redis/redis/security/advisories/GHSA-4789-qfc9-5f9q',
  },
  {
    server: 'redis',
    name: 'CVE-2025-21605',
    what: 'a client without a password can fill the memory with answers that it does not read',
    from: '2.6.0',
    fixedIn: ['6.2.18', '7.2.8', '7.4.3'],
    source: 'https://github.com/redis/redis/security/advisories/GHSA-r67f-p999-2gff',
  },
  {
    server: 'redis',
    name: 'CVE-2026-23479',
    what: 'an eviction of clients can end in the use of freed memory',
    from: '8.6.0',
    fixedIn: ['8.6.3'],
    source: 'https://nvd.nist.gov/vuln/detail/CVE-2026-23479',
  },
  {
    server: 'valkey',
    name: 'CVE-2025-49844',
    what: 'whoever may run scripts can run code on the server',
    from: '7.2.0',
    fixedIn: ['7.2.11', '8.0.6', '8.1.4'],
    source: 'https://github.com/valkey-io/valkey/releases/tag/8.1.4',
  },
  {
    server: 'valkey',
    name: 'CVE-2026-23479',
    what: 'an eviction of clients can end in the use of freed memory',
    from: '8.0.0',
    fixedIn: ['8.0.8', '8.1.7', '9.0.4'],
    source: 'https://github.com/valkey-io/valkey/pull/3634',
  },
  {
    server: 'valkey',
    name: 'CVE-2026-63639',
    what: 'a stream in a file of Redis data that was made up can run code on the server',
    from: '7.2.0',
    fixedIn: ['7.2.14', '8.0.10', '8.1.9', '9.0.5', '9.1.1'],
    source: 'https://github.com/valkey-io/valkey/releases/tag/9.1.1',
  },
];

/** The known faults that a version has. */
export function faultsOf(server: KnownFault['server'], version: string): KnownFault[] {
  return KNOWN_FAULTS.filter((fault) => fault.server === server && hasFault(version, fault));
}

function hasFault(version: string, { from, fixedIn }: KnownFault): boolean {
  if (compareVersions(version, from) < 0) return false;
  const fix = fixedIn.find((fixed) => branchOf(fixed) === branchOf(version));
  if (fix !== undefined) return compareVersions(version, fix) < 0;
  // A branch without a fix is one that gets none any more, or one that began after the last of them.
  return fixedIn.some((fixed) => compareVersions(version, fixed) < 0);
}

function branchOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

/** By their numbers. @returns below 0 when `a` is older */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [numbersIn(a), numbersIn(b)];
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function numbersIn(version: string): number[] {
  return (/^\d+(\.\d+)*/.exec(version)?.[0] ?? '0').split('.').map(Number);
}
