import { debuglog } from 'node:util';
import { HoldfastError } from '@holdfast/client/holdfast-error';
import { KeysFileError } from '@holdfast/keys-file/errors';
import { CommanderError } from 'commander';
import { printable } from './output.ts';

/** The exit codes, as in `--help`. */
export const exitCodes = {
  fine: 0,
  /** The server refused: its code and detail were printed. Or a check of the doctor fails. */
  refused: 1,
  /** Wrong usage, or input that cannot be used. */
  usage: 2,
  /** No installation was found, or it does not answer. */
  unreachable: 3,
  /** A fault of this program, as sysexits.h has it: EX_SOFTWARE. */
  internal: 70,
  /** Ended by a signal before it was done, as shells count: 128 + SIGINT. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** What each means, for `--help` and docs/reference/cli.md. */
export const EXIT_CODES: readonly (readonly [ExitCode, string])[] = [
  [exitCodes.fine, 'fine'],
  [exitCodes.refused, 'refused: the code and the reason are printed; doctor: a check fails'],
  [exitCodes.usage, 'wrong usage, or input that cannot be used'],
  [exitCodes.unreachable, 'no installation was found, or it does not answer'],
  [exitCodes.internal, 'a fault of this program'],
  [exitCodes.interrupted, 'ended by Ctrl-C before it was done (listen ends with 0)'],
];

export const EXIT_CODES_HELP = [
  '',
  'Exit codes:',
  ...EXIT_CODES.map(([code, means]) => `  ${String(code).padEnd(3)}  ${means}`),
].join('\n');

/** A failure with its exit code and its message for people; no stack is shown. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: ExitCode;
  /** Constant, for scripts that read `--json`. */
  readonly code: string;

  constructor(exitCode: ExitCode, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
    this.code = code;
  }
}

export interface Failure {
  exitCode: ExitCode;
  /** For people; empty when commander has printed it. */
  lines: string[];
  /** For scripts, on standard error under `--json`. */
  json: Record<string, unknown>;
}

const debug = debuglog('holdfast');

/** The output and exit code of a failed command. */
export function failureOf(error: unknown): Failure {
  if (error instanceof HoldfastError) return error.problem === undefined ? unreachable(error) : refused(error);
  if (error instanceof CliError) return failureWith(error.exitCode, error.code, error.message);
  if (error instanceof KeysFileError) return failureWith(exitCodes.usage, error.code, error.message);
  if (error instanceof CommanderError) {
    const exitCode = error.exitCode === 0 ? exitCodes.fine : exitCodes.usage;
    const detail =
      error.code === 'commander.help' ? 'Name a command: see --help.' : error.message.replace(/^error: /, '');
    return { exitCode, lines: [], json: { code: 'usage', detail } };
  }
  if (isFileError(error)) return failureWith(exitCodes.usage, error.code, error.message);
  debug('%o', error);
  const message = error instanceof Error ? error.message : String(error);
  return failureWith(
    exitCodes.internal,
    'internal',
    `A fault of this program: ${message}\nPlease report it, with what NODE_DEBUG=holdfast shows and "npx holdfast --version".`,
  );
}

function failureWith(exitCode: ExitCode, code: string, message: string): Failure {
  return { exitCode, lines: message.split('\n').map(printable), json: { code, detail: message } };
}

function refused({ code, status, message, problem }: HoldfastError): Failure {
  const fields = (problem?.errors ?? []).map(({ field, rule }) => printable(`  ${field}: ${rule}`));
  return {
    exitCode: exitCodes.refused,
    lines: [printable(`refused: ${code} (${status}): ${message}`), ...fields],
    json: { ...problem },
  };
}

function unreachable({ code, message, cause }: HoldfastError): Failure {
  const why = cause instanceof Error ? reasonOf(cause) : '';
  return {
    exitCode: exitCodes.unreachable,
    lines: [printable(why === '' ? message : `${message}: ${why}`)],
    json: { code, detail: message, cause: why },
  };
}

/** The reason is in the cause of what `fetch` throws, and for a host with several addresses in a list there. */
function reasonOf(error: Error): string {
  if (error.cause instanceof Error) return reasonOf(error.cause);
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return reasonOf(error.errors[0]);
  return error.message;
}

function isFileError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'syscall' in error && 'path' in error && 'code' in error;
}
