export type KeysFileCode =
  | 'key-exists'
  | 'key-not-found'
  /** Its content is no keys file, or what would be written is none. */
  | 'keys-file-invalid'
  /** Another change is under way, or was killed in the middle. */
  | 'keys-file-locked'
  /** It is not there, and is not to be made. */
  | 'keys-file-missing'
  /** The file system lets this process change nothing here. */
  | 'keys-file-read-only'
  /** The file system failed: it is full, for example. */
  | 'keys-file-failed';

/** The keys file cannot be used as asked; the message says why and what to do. Nothing was changed. */
export class KeysFileError extends Error {
  readonly code: KeysFileCode;

  constructor(code: KeysFileCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KeysFileError';
    this.code = code;
  }
}

/** What a process without the right to change a folder, or a file that is mounted by itself, is answered. */
const READ_ONLY = new Set(['EROFS', 'EACCES', 'EPERM', 'EBUSY']);

/** The same error with the file and a reason for people; other errors stay as they are. */
export function namedError(file: string, error: unknown): unknown {
  const code = errnoOf(error);
  if (code === null) return error;
  if (!READ_ONLY.has(code)) {
    return new KeysFileError('keys-file-failed', `${file} cannot be written: ${code}`, { cause: error });
  }
  const why = code === 'EBUSY' ? `${code}: it is mounted by itself; mount its folder` : code;
  return new KeysFileError('keys-file-read-only', `${file} cannot be changed here (${why})`, { cause: error });
}

/** `ENOSPC` and the like; null for what is no error of the system. */
export function errnoOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return null;
  return String(error.code);
}
