import { hostname } from 'node:os';
import { pino, stdTimeFunctions, type DestinationStream, type Logger as PinoLogger } from 'pino';
import { choice } from './config.ts';
import { serializeError } from './error-fields.ts';
import { standardOutput } from './log-output.ts';
import { maskLine, redactedPaths } from './redaction.ts';

export type Logger = PinoLogger;

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The variable that every process has. */
export const logVariables = {
  LOG_LEVEL: choice(LOG_LEVELS, 'info').describe('The least grave lines that are written'),
};

export interface LoggerOptions {
  /** Stands in every line as `service`. */
  readonly service: string;
  readonly level: LogLevel;
  /** Where lines go; standard output unless given. */
  readonly destination?: DestinationStream;
}

/**
 * JSON lines: ISO time, level as a word, `service`, `pid`, `hostname`, `msg`. Errors go under `err` (or `error`) and
 * keep their code and causes. Credentials are taken out twice: fields by name, then the finished line by pattern.
 */
export function createLogger({ service, level, destination }: LoggerOptions): Logger {
  const options = {
    level,
    timestamp: stdTimeFunctions.isoTime,
    formatters: {
      level: (label: string) => ({ level: label }),
    },
    base: { service, pid: process.pid, hostname: hostname() },
    serializers: { err: serializeError, error: serializeError },
    redact: { paths: redactedPaths(), censor: '[redacted]' },
    hooks: { streamWrite: maskLine },
  };
  if (destination !== undefined) return pino(options, destination);
  const logger = pino(options, standardOutput);
  standardOutput.onRecovery = (fields) => logger.warn(fields, 'log lines were dropped');
  return logger;
}
