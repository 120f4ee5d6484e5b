/** What a package that is published consists of. Its name, version and dependencies stand in its `package.json`. */
export interface Published {
  /** The folder below `packages/`. */
  readonly folder: string;
  /** The module that is all of it, below that folder. */
  readonly entry: string;
  /** Packages that stay imports: its dependencies, and those of the application. The code of all others is bundled. */
  readonly external: readonly string[];
  readonly platform: 'neutral' | 'node';
  /** Whether a file that a page loads as it is comes with it, minified. */
  readonly page: boolean;
  /** The first line of its code. */
  readonly banner?: string;
  /** The most that the code may be, minified and gzipped. */
  readonly maxGzippedBytes: number;
}

export const published: readonly Published[] = [
  {
    folder: 'client',
    entry: 'src/holdfast.ts',
    external: [],
    platform: 'neutral',
    page: true,
    maxGzippedBytes: 10_000,
  },
  {
    folder: 'server',
    entry: 'src/server.ts',
    external: [],
    platform: 'node',
    page: false,
    maxGzippedBytes: 5000,
  },
  {
    folder: 'react',
    entry: 'src/react.ts',
    external: ['@holdfast/client', 'react'],
    platform: 'neutral',
    page: false,
    banner: "'use client';",
    maxGzippedBytes: 3000,
  },
];

export const ROOT = new URL('../../', import.meta.url);
/** Node 20.19, and browsers of November 2024. */
export const TARGETS = ['node20.19', 'chrome131', 'firefox132', 'safari18.1'];
export const MIN_NODE = '>=20.19';

/** The folder of a package, or a file in it. */
export function inPackage({ folder }: Published, path = ''): URL {
  return new URL(`packages/${folder}/${path}`, ROOT);
}

/** `holdfast` for `src/holdfast.ts`: the name of the built files. */
export function moduleName({ entry }: Published): string {
  return entry.replace(/^.*\//, '').replace(/\.ts$/, '');
}
