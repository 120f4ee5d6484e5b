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
  /** Ended by a signal before it was done, as shells count: 128 + SIGINT. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export const EXIT_CODES_HELP = `
Exit codes:
  0    fine
  1    refused by the server: its code and detail are printed; doctor: a check fails
  2    wrong usage, or input that cannot be used
  3    no installation was found, or it does not answer
  130  ended by Ctrl-C before it was done (listen ends with 0)`;

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

/** The output and exit code of a failed command; null for an error that is a bug of this program. */
export function failureOf(error: unknown): Failure | null {
  if (error instanceof HoldfastError) return error.problem === undefined ? unreachable(error) : refused(error);
  if (error instanceof CliError) return failureWith(error.exitCode, error.code, error.message);
  if (error instanceof KeysFileError) return failureWith(exitCodes.usage, error.code, error.message);
  if (error instanceof CommanderError) {
    const exitCode = error.exitCode === 0 ? exitCodes.fine : exitCodes.usage;
    return { exitCode, lines: [], json: { code: 'usage', detail: error.message } };
  }
  if (isFileError(error)) return failureWith(exitCodes.usage, error.code, error.message);
  return null;
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
