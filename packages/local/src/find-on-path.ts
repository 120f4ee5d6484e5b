import { access, constants, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** The full name of the first executable file called `name` in the directories of a PATH variable, or null. */
export async function findOnPath(name: string, path: string | undefined): Promise<string | null> {
  for (const directory of (path ?? '').split(delimiter)) {
    if (directory === '') continue;
    const file = join(directory, name);
    if (await isExecutable(file)) return file;
  }
  return null;
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch (error) {
    // Not there, not ours to run, or a directory of PATH that is none: look on.
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}
