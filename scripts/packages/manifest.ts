import { readFile } from 'node:fs/promises';
import { MIN_NODE, type Published, inPackage, moduleName } from './published.ts';

/** What is taken over from the `package.json` of the sources as it is. */
const TAKEN_OVER = ['name', 'version', 'description', 'license', 'type', 'peerDependencies'] as const;

interface Manifest extends Readonly<Record<string, unknown>> {
  readonly dependencies?: Readonly<Record<string, string>>;
}

/**
 * The `package.json` of a published package. That of the sources exports TypeScript and its internals; this one exports
 * what is built. Packages that are bundled are no dependencies. A release names the repository, as `RELEASE_REPOSITORY`: npm
 * accepts a proof of provenance only for a package that does.
 */
export async function publishedManifest(
  one: Published,
  repository = process.env['RELEASE_REPOSITORY'],
): Promise<Manifest> {
  const source = JSON.parse(await readFile(inPackage(one, 'package.json'), 'utf8')) as Manifest;
  const name = moduleName(one);
  const dependencies = Object.entries(source.dependencies ?? {}).filter(([each]) => one.external.includes(each));
  const taken = TAKEN_OVER.filter((field) => source[field] !== undefined).map((field) => [field, source[field]]);
  return {
    ...Object.fromEntries(taken),
    sideEffects: false,
    engines: { node: MIN_NODE },
    exports: {
      '.': { types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` },
      ...(one.page
        ? { [`./${name}.min.js`]: { types: `./dist/${name}.min.d.ts`, default: `./dist/${name}.min.js` } }
        : {}),
      './package.json': './package.json',
    },
    types: `./dist/${name}.d.ts`,
    files: ['dist'],
    ...(dependencies.length === 0 ? {} : { dependencies: Object.fromEntries(dependencies) }),
    ...(repository ? { repository: { type: 'git', url: `git+${repository}.git` } } : {}),
    publishConfig: { access: 'public' },
  };
}

export function textOf(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
