import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** What of the errors of a file system a person can mend by giving the folder away or taking another. */
const MENDABLE: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'its file system is read-only',
  EEXIST: 'a file of that name is in the way',
  ENOTDIR: 'a file of that name is in the way',
};

class FolderNotWritable extends Error {
  constructor(folder: string, at: string, reason: string, cause: unknown) {
    super(
      `npm start keeps its key and its logs in ${folder}, and cannot use ${at}: ${reason}.\n` +
        'Make that folder and what is in it yours (chown), or clone the repository into a folder of your own, and start it there.',
      { cause },
    );
    this.name = 'FolderNotWritable';
  }
}

export interface KeptFolder {
  /** `.holdfast`: the development key, the keys file, what the command line reads. */
  readonly kept: string;
  readonly logs: string;
}

/**
 * Makes the folder that stays from one start to the next, and tries to use it and each file that is there: those of
 * another user, after a start with sudo, would fail later, with Redis and services running. Throws FolderNotWritable.
 */
export async function keptFolder(directory: string): Promise<KeptFolder> {
  const kept = join(directory, '.holdfast');
  const logs = join(kept, 'logs');
  // Tried by writing: what `access` answers is about another user for a program that runs as somebody else.
  for (const { folder, flags } of [
    // Files of this one are read, and replaced by others; logs are written anew.
    { folder: kept, flags: 'r' },
    { folder: logs, flags: 'r+' },
  ]) {
    await mendable(kept, folder, () => mkdir(folder, { recursive: true }));
    const probe = join(folder, `.probe-${process.pid}`);
    await mendable(kept, folder, async () => (await open(probe, 'w')).close());
    await rm(probe);
    for (const entry of await mendable(kept, folder, () => readdir(folder, { withFileTypes: true }))) {
      const file = join(folder, entry.name);
      if (entry.isFile()) await mendable(kept, file, async () => (await open(file, flags)).close());
    }
  }
  return { kept, logs };
}

async function mendable<Result>(kept: string, at: string, attempt: () => Promise<Result>): Promise<Result> {
  try {
    return await attempt();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    const reason = MENDABLE[code];
    if (reason === undefined) throw error;
    throw new FolderNotWritable(kept, at, reason, error);
  }
}
