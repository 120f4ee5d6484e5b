import { mkdir, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

/** The file of @holdfast/client that a page loads: the package that npm installs has it, this repository makes it. */
export async function writePageBundle(): Promise<void> {
  const file = fileURLToPath(import.meta.resolve('@holdfast/client/holdfast.min.js'));
  const input = createRequire(import.meta.url).resolve('@holdfast/client');
  const build = await rolldown({ input, platform: 'browser' });
  const { output } = await build.generate({ format: 'esm', minify: true });
  await build.close();
  await mkdir(dirname(file), { recursive: true });
  // Renamed into place: another example may serve it at this moment.
  const successor = `${file}.${process.pid}`;
  await writeFile(successor, output[0].code);
  await rename(successor, file);
}
