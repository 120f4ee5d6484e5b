import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isAlive } from './is-alive.ts';
import { repositoryRoot } from './repository-root.ts';

const FILE = '.holdfast/installation.json';
/** The key in it may do everything. */
const FILE_MODE = 0o600;

/** What `npm start` leaves for the command line: where the installation is, and a key for it. */
export interface StateFile {
  controlUrl: string;
  /** `ws://…`, one an edge. */
  edgeUrls: string[];
  /** As `X-API-Key` wants it. */
  key: string;
  /** The file of keys it reads, and reads again when it changes. */
  keysFile: string;
  /** The process that keeps the installation; it is gone when this is. */
  pid: number;
}

/** Leaves it in `directory`, by default the repository's. */
export async function writeStateFile(stateFile: StateFile, directory: string = repositoryRoot): Promise<void> {
  const file = join(directory, FILE);
  await mkdir(dirname(file), { recursive: true });
  // Renamed into place: a command that reads at this moment sees a whole file.
  const successor = `${file}.${stateFile.pid}`;
  await writeFile(successor, `${JSON.stringify(stateFile, null, 2)}\n`, { mode: FILE_MODE });
  await chmod(successor, FILE_MODE);
  await rename(successor, file);
}

/**
 * What the first of the directories that has one tells of an installation that is running; null when there is none. By
 * default: the current directory, then the repository's.
 */
export async function readStateFile(
  directories: readonly string[] = [process.cwd(), repositoryRoot],
): Promise<StateFile | null> {
  for (const directory of directories) {
    const stateFile = parse(await textOf(join(directory, FILE)));
    if (stateFile !== null && isAlive(stateFile.pid)) return stateFile;
  }
  return null;
}

/** Takes it away, unless another installation has put its own in the place since. */
export async function removeStateFile(pid: number, directory: string = repositoryRoot): Promise<void> {
  const file = join(directory, FILE);
  if (parse(await textOf(file))?.pid === pid) await rm(file, { force: true });
}

async function textOf(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** A file of another version, or that somebody edited, is none. */
function parse(text: string | null): StateFile | null {
  if (text === null) return null;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  const { controlUrl, edgeUrls, key, keysFile, pid } = { ...(json as Partial<StateFile> | null) };
  if (typeof controlUrl !== 'string' || typeof key !== 'string' || typeof pid !== 'number') return null;
  if (typeof keysFile !== 'string') return null;
  if (!Array.isArray(edgeUrls) || !edgeUrls.every((url) => typeof url === 'string')) return null;
  return { controlUrl, edgeUrls, key, keysFile, pid };
}
