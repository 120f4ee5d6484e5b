import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type OutputChunk, rolldown } from 'rolldown';
import { writeDeclarations } from './declarations.ts';
import { type Published, TARGETS, inPackage, moduleName } from './published.ts';

export interface Built {
  /** Of its code, minified, as a page loads it. */
  readonly gzippedBytes: number;
}

/**
 * Writes the modules, source maps and types of a package into a folder. Rejects when it is larger than its bound, or needs
 * what is not published.
 */
export async function buildPackage(one: Published, folder: string): Promise<Built> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const name = moduleName(one);
  const module = await bundle(one, { minify: false });
  await write(folder, `${name}.js`, module);
  const minified = await bundle(one, { minify: true });
  if (one.page) {
    await write(folder, `${name}.min.js`, minified);
    await writeFile(join(folder, `${name}.min.d.ts`), `export * from './${name}.js';\n`);
  }
  const workFolder = join(folder, 'declarations');
  await writeDeclarations(one, folder, workFolder);
  await rm(workFolder, { recursive: true });

  const gzippedBytes = gzipSync(minified.code).byteLength;
  if (gzippedBytes > one.maxGzippedBytes) {
    throw new Error(`${one.folder} has ${gzippedBytes} bytes, minified and gzipped: at most ${one.maxGzippedBytes}`);
  }
  return { gzippedBytes };
}

async function bundle(one: Published, { minify }: { minify: boolean }): Promise<OutputChunk> {
  const build = await rolldown({
    input: fileURLToPath(inPackage(one, one.entry)),
    platform: one.platform,
    external: (id) => one.external.includes(id),
    transform: { target: TARGETS },
  });
  const { output } = await build.generate({ format: 'esm', minify, sourcemap: true, banner: one.banner ?? '' });
  await build.close();
  const [chunk, ...others] = output.filter((file): file is OutputChunk => file.type === 'chunk');
  if (chunk === undefined || others.length > 0) throw new Error(`the code of ${one.folder} is not one file`);
  const foreign = chunk.imports.filter((name) => !one.external.includes(name) && !name.startsWith('node:'));
  if (foreign.length > 0) throw new Error(`${one.folder} imports ${foreign.join(', ')}`);
  const installed = Object.keys(chunk.modules).filter((path) => path.includes('node_modules'));
  if (installed.length > 0) throw new Error(`${one.folder} has code of others: ${installed.join(', ')}`);
  return chunk;
}

async function write(folder: string, name: string, { code, map }: OutputChunk): Promise<void> {
  if (map === null) throw new Error(`${name} has no source map`);
  // Paths of the repository tell an editor nothing: the text of the sources is in the map.
  await writeFile(join(folder, name), `${code.trimEnd()}\n//# sourceMappingURL=${name}.map\n`);
  await writeFile(join(folder, `${name}.map`), JSON.stringify({ ...map, file: name }));
}
