import { hostname } from 'node:os';
import { pino, stdTimeFunctions, type DestinationStream, type Logger as PinoLogger } from 'pino';
import { choice } from './config.ts';
import { serializeError } from './error-fields.ts';
import { standardOutput } from './log-output.ts';
import { traceFields } from './telemetry/request.ts';

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
 * JSON lines: ISO time, level as a word, `service`, `pid`, `hostname`, `msg`, and `traceId` within a request that is
 * traced. Errors go under `err` (or `error`) and
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
    mixin: traceFields,
    serializers: { err: serializeError, error: serializeError },
    redact: { paths: redactedPaths(), censor: '[redacted]' },
    hooks: { streamWrite: maskLine },
  };
  if (destination !== undefined) return pino(options, destination);
  const logger = pino(options, standardOutput);
  standardOutput.onRecovery = (fields) => logger.warn(fields, 'log lines were dropped');
  return logger;
}

const SECRET_FIELDS = [
  'authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  // Browsers carry a credential in this one.
  'sec-websocket-protocol',
  'secret',
  'previousSecret',
  'password',
  'clientId',
];

/** Redaction by path has no "at any depth": request headers lie at the third level, and one is added for good measure. */
const LEVELS = 4;

/** Paths of the fields whose values must not be logged, for pino's `redact`. */
function redactedPaths(): string[] {
  return SECRET_FIELDS.flatMap((field) => {
    const name = /^\w+$/.test(field) ? `.${field}` : `["${field}"]`;
    return Array.from({ length: LEVELS }, (_, depth) => {
      const path = Array(depth).fill('*').join('.') + name;
      return path.startsWith('.') ? path.slice(1) : path;
    });
  });
}

/** Version 4 exactly: here such a UUID is a credential, wherever it turns up (in a path, a message, a Redis key). */
const UUID_V4 = /\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b/gi;
const QUERY_SECRET = /([?&](?:client|key|api[-_]?key|x-api-key|secret|password|(?:access_)?token)=)[^&"\\\s]+/gi;
const URL_PASSWORD = /(\/\/[^/\s"@:]*:)[^/\s"@]+@/g;

/** A JSON Web Token, by its header and its claims; the signature is nothing without them. */
const TOKEN = /\beyJ[\w-]+\.eyJ[\w-]+\.[\w-]*/g;

/** The last net: takes credentials out of a finished line, also where a library put them into a text. */
function maskLine(line: string): string {
  return line
    .replace(UUID_V4, '[uuid]')
    .replace(TOKEN, '[token]')
    .replace(QUERY_SECRET, '$1[redacted]')
    .replace(URL_PASSWORD, '$1[redacted]@');
}
