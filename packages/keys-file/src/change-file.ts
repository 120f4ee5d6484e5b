import { constants } from 'node:fs';
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { KeysFileError, errnoOf, namedError } from './errors.ts';

/** Of a file that is made: hashes of secrets are for the owner alone. */
const NEW_FILE_MODE = 0o600;
/** control-api reads no longer one. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Another process holds the file for milliseconds; longer, and it was killed while it held it. */
const LOCK_WAIT_MS = 3_000;
/** At least, after a wait behind changes of the own process. */
const LOCK_WAIT_AT_LEAST_MS = 500;
const LOCK_PAUSE_MS = 20;
/** After so long the changes of one process leave the lock to others for longer than their pause between two tries. */
const RUN_MS = 100;
const LEAVE_MS = 2 * LOCK_PAUSE_MS;
/** An editor that takes no lock wrote each time in between. */
const MAX_TRIES = 5;

/** The new text of a file; null: it is not there. What it throws leaves the file as it is. */
type Edit = (text: string | null) => string;

/** Changes of one file by this process: they wait for each other here, and do not poll the lock. */
interface Line {
  last: Promise<void>;
  /** When it began, or last left the lock to other processes, in milliseconds of `performance.now()`. */
  leftAt: number;
}

const lines = new Map<string, Line>();

export interface ChangeFileOptions {
  /** Whether the new content has plain secrets: the right to read it is taken from all but its owner and its group. */
  readonly secret?: boolean;
}

/** The permission bits of a file, before and after a change of it. */
export interface ModeChange {
  readonly before: number;
  readonly after: number;
}

/**
 * Reads, changes and replaces a text file. The new content is written beside it and renamed over it, so that a reader sees
 * the old file or the new one. Only one process can create that second file, so that none of two changes at once is lost;
 * a program that takes no lock is noticed, and `edit` called again with what it wrote. A symbolic link is followed. The
 * file keeps its group, where the system permits its owner, and unless it gets secrets its mode.
 * @returns how its mode has changed; null: it has not
 * @throws {KeysFileError} and nothing is changed
 */
export async function changeFile(
  file: string,
  edit: Edit,
  { secret = false }: ChangeFileOptions = {},
): Promise<ModeChange | null> {
  const until = performance.now() + LOCK_WAIT_MS;
  const target = await targetOf(file);
  const line = lines.get(target) ?? { last: Promise.resolve(), leftAt: performance.now() };
  lines.set(target, line);
  const turn = line.last.then(async () => {
    await leaveToOthers(line);
    return changeLocked(target, edit, secret, until);
  });
  const settled = turn.then(nothing, nothing);
  line.last = settled;
  try {
    return await turn;
  } catch (error) {
    throw namedError(file, error);
  } finally {
    if (line.last === settled) lines.delete(target);
  }
}

function nothing(): void {}

/** Without it a long line would have the lock again each time that another process looks. */
async function leaveToOthers(line: Line): Promise<void> {
  if (performance.now() - line.leftAt < RUN_MS) return;
  await delay(LEAVE_MS);
  line.leftAt = performance.now();
}

/** For how many seconds a change of the file has been under way; null: none is. More than one or two: its process died. */
export async function secondsLocked(file: string): Promise<number | null> {
  return secondsSince(lockOf(await targetOf(file)));
}

function lockOf(target: string): string {
  return `${target}.new`;
}

async function changeLocked(target: string, edit: Edit, secret: boolean, until: number): Promise<ModeChange | null> {
  const successor = lockOf(target);
  const handle = await openAlone(successor, Math.max(until, performance.now() + LOCK_WAIT_AT_LEAST_MS));
  let change: ModeChange | null;
  try {
    change = await writeNext(handle, target, edit, secret);
    await rename(successor, target);
  } catch (error) {
    await rm(successor, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  await syncFolder(dirname(target));
  return change;
}

/** Writes what `edit` makes of the file, until the file is the same before and after. */
async function writeNext(handle: FileHandle, target: string, edit: Edit, secret: boolean): Promise<ModeChange | null> {
  for (let attempt = 1; attempt <= MAX_TRIES; attempt += 1) {
    const before = await read(target);
    const next = Buffer.from(edit(before?.text ?? null));
    if (next.length > MAX_BYTES) {
      throw new KeysFileError('keys-file-invalid', `${target} would be longer than ${MAX_BYTES} bytes`);
    }
    await handle.truncate(0);
    for (let written = 0; written < next.length;) {
      written += (await handle.write(next, written, next.length - written, written)).bytesWritten;
    }
    const mode = before === null ? NEW_FILE_MODE : secret ? privateMode(before) : before.mode;
    if (before !== null) await keepAccess(handle, target, { ...before, mode });
    await handle.sync();
    if ((await read(target))?.text === before?.text) {
      return before === null || before.mode === mode ? null : { before: before.mode, after: mode };
    }
  }
  throw new KeysFileError('keys-file-locked', `${target} is being written by another program: try again later`);
}

interface Content {
  readonly text: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Null when it is not there. */
async function read(file: string): Promise<Content | null> {
  let handle: FileHandle;
  try {
    // Non-blocking: opening a FIFO would wait for a writer.
    handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
  try {
    const stats = await handle.stat();
    if (!stats.isFile() || stats.size > MAX_BYTES) {
      throw new KeysFileError('keys-file-invalid', `${file} is not a regular file of at most ${MAX_BYTES} bytes`);
    }
    const { mode, uid, gid } = stats;
    return { text: await handle.readFile('utf8'), mode: mode & 0o7777, uid, gid };
  } finally {
    await handle.close();
  }
}

/**
 * Who may read a file with secrets: its owner, and a group that is not just the owner's own: it may be how a service that
 * runs as another user reads it.
 */
function privateMode({ mode, uid, gid }: Content): number {
  const isOwn = uid === gid || (uid === process.getuid?.() && gid === process.getgid?.());
  return mode & (isOwn ? 0o700 : 0o770);
}

/** Who could read the file can read the next one: control-api may run as another user than the command. */
async function keepAccess(handle: FileHandle, target: string, { mode, uid, gid }: Content): Promise<void> {
  const own = await handle.stat();
  // Only root gives files away, but their group may be any that the process is in. With another group the mode would let
  // in one that may not read it, and keep out one that may; that matters when it gives anything to a group or to others.
  const kept =
    (own.uid === uid && own.gid === gid) ||
    (await maySetOwner(handle, uid, gid)) ||
    own.gid === gid ||
    (await maySetOwner(handle, own.uid, gid));
  if (!kept && (mode & 0o077) !== 0) {
    const why = `EPERM: it belongs to group ${gid}, which this process cannot give to a file`;
    throw new KeysFileError('keys-file-read-only', `${target} cannot be changed here (${why})`);
  }
  await handle.chmod(mode);
}

/** False: this process may not. */
async function maySetOwner(handle: FileHandle, uid: number, gid: number): Promise<boolean> {
  try {
    await handle.chown(uid, gid);
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'EPERM') throw error;
    return false;
  }
}

async function openAlone(file: string, until: number): Promise<FileHandle> {
  for (;;) {
    try {
      return await open(file, 'wx', NEW_FILE_MODE);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      if (performance.now() > until) {
        const since = await ageOf(file);
        throw new KeysFileError(
          'keys-file-locked',
          `${file} is in the way${since}: remove it if no other change is under way`,
        );
      }
    }
    await delay(LOCK_PAUSE_MS);
  }
}

/** " for 75 s": another change takes milliseconds. Empty when it is gone. */
async function ageOf(lock: string): Promise<string> {
  const seconds = await secondsSince(lock);
  return seconds === null ? '' : ` for ${seconds} s`;
}

async function secondsSince(lock: string): Promise<number | null> {
  const stats = await stat(lock).catch(() => null);
  return stats && Math.max(0, Math.round((Date.now() - stats.mtimeMs) / 1000));
}

/** The file that a symbolic link leads to; the path itself when nothing is there. */
async function targetOf(file: string): Promise<string> {
  try {
    return await realpath(file);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return file;
    throw namedError(file, error);
  }
}

/** Only then the rename outlives a loss of power. Some file systems sync no folders. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => null);
  if (handle === null) return;
  try {
    await handle.sync();
  } catch (error) {
    if (errnoOf(error) === null) throw error;
  } finally {
    await handle.close();
  }
}
