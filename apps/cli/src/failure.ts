import { HoldfastError } from '@holdfast/client/holdfast-error';
import { KeysFileError } from '@holdfast/local/keys-file';
import { CommanderError } from 'commander';
import { CliError } from './cli-error.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { printable } from './printable.ts';

export interface Failure {
  exitCode: ExitCode;
  /** For people; empty when it was said already. */
  lines: string[];
  /** For scripts, on standard error under `--json`. */
  json: Record<string, unknown>;
}

/** What a failed command says and ends with; null for an error that is a fault of this program. */
export function failureOf(error: unknown): Failure | null {
  if (error instanceof HoldfastError) return error.problem === undefined ? unreachable(error) : refused(error);
  if (error instanceof CliError) return spoken(error.exitCode, error.code, error.message);
  if (error instanceof KeysFileError) return spoken(exitCodes.usage, error.code, error.message);
  if (error instanceof CommanderError) {
    const exitCode = error.exitCode === 0 ? exitCodes.fine : exitCodes.usage;
    return { exitCode, lines: [], json: { code: 'usage', detail: error.message } };
  }
  if (isFileError(error)) return spoken(exitCodes.usage, error.code, error.message);
  return null;
}

function spoken(exitCode: ExitCode, code: string, message: string): Failure {
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

/** `fetch` says only that it failed; the reason lies below, and for a host with several addresses in a list. */
function reasonOf(error: Error): string {
  if (error.cause instanceof Error) return reasonOf(error.cause);
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return reasonOf(error.errors[0]);
  return error.message;
}

function isFileError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'syscall' in error && 'path' in error && 'code' in error;
}
