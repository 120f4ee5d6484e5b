import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Packed, packPackage } from './pack.ts';
import { type Published, moduleName, published } from './published.ts';

/** As our packages are used: ES modules, by TypeScript with `bundler` or `nodenext`. */
const RESOLUTIONS = ['node16-esm', 'bundler'];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-packed-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe.each(published.map((one) => [one.folder, one] as const))('the tarball of %s', (name, one: Published) => {
  let packed: Packed;
  beforeAll(async () => {
    packed = await packPackage(one, folder);
  });

  it('holds what is built and nothing else: no test, and no source of its own or of others', () => {
    const module = `dist/${moduleName(one)}`;
    const modules = one.page ? [module, `${module}.min`] : [module];
    const built = modules.flatMap((each) => [`${each}.d.ts`, `${each}.js`, `${each}.js.map`]);
    expect(packed.files).toEqual(['LICENSE', 'README.md', 'package.json', ...built].toSorted());
  });

  it('needs no package but those that it names', async () => {
    const manifest = JSON.parse(await readFile(join(folder, name, 'package.json'), 'utf8')) as {
      dependencies?: object;
      peerDependencies?: object;
    };
    expect(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies })).toEqual(one.external);
    for (const file of packed.files.filter((each) => /\.(js|ts)$/.test(each))) {
      const text = await readFile(join(folder, name, file), 'utf8');
      const imported = Array.from(
        text.matchAll(/(?:\bfrom ?|\bimport\(|^import )["']([^"'.][^"']*)["']/gm),
        ([, id]) => id,
      );
      expect({
        file,
        foreign: imported.filter((id) => !id?.startsWith('node:') && !one.external.includes(id ?? '')),
      }).toEqual({
        file,
        foreign: [],
      });
    }
  });

  it('passes publint', async () => {
    const { messages, pkg } = await publint({
      pkgDir: join(folder, name),
      level: 'suggestion',
      strict: true,
      pack: false,
    });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  it('has types that are right', async () => {
    const result = await checkPackage(createPackageFromTarballData(await readFile(packed.tarball)));
    if (result.types === false) throw new Error('it has no types');
    const faults = result.problems.filter(
      (problem) => !('resolutionKind' in problem) || RESOLUTIONS.includes(problem.resolutionKind),
    );
    expect(faults).toEqual([]);
    expect(Object.keys(result.entrypoints).toSorted()).toEqual(
      ['.', './package.json', ...(one.page ? [`./${moduleName(one)}.min.js`] : [])].toSorted(),
    );
  });
});
