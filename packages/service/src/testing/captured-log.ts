import { createLogger, type Logger } from '../logger.ts';

export interface CapturedLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface CapturedLog {
  readonly logger: Logger;
  /** Every line so far with this message, in order. */
  readonly linesWith: (msg: string) => CapturedLine[];
  readonly lines: readonly CapturedLine[];
}

/** A real logger that keeps its lines, for tests of what is logged. */
export function captureLog(): CapturedLog {
  const lines: CapturedLine[] = [];
  const destination = { write: (line: string) => lines.push(JSON.parse(line) as CapturedLine) };
  const logger = createLogger({ service: 'test', level: 'debug', destination });
  return { logger, lines, linesWith: (msg) => lines.filter((line) => line.msg === msg) };
}
