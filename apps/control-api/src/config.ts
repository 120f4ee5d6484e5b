import { isIP } from 'node:net';
import {
  type Setting,
  ConfigError,
  choice,
  duration,
  host,
  integer,
  port,
  readConfig,
  setting,
  text,
} from '@holdfast/service/config';
import { logVariables } from '@holdfast/service/logger';
import { tracingVariables } from '@holdfast/service/tracing-variables';
import { redisRules, redisVariables } from '@holdfast/redis/config';
import { z } from 'zod';
import { faultOfKeys } from './auth/keys-file.ts';
import { faultOfWebhooks } from './webhooks/webhooks-file.ts';
import type { ApiLimits } from './limits/call-limits.ts';

const DEFAULT_PORT = 7700;
const TEN_YEARS_MS = 10 * 365 * 24 * 3_600_000;
const PRODUCTION = 'production';

const MIB = 1024 * 1024;

interface ProductionRule {
  NODE_ENV: string;
  API_KEYS_FILE?: string | undefined;
  CONTROL_ALLOWED_ORIGINS?: readonly string[] | undefined;
}

/** What must be set, or declined, explicitly. */
const inProduction: z.core.$ZodCheck<ProductionRule> = z.superRefine<ProductionRule>(
  (config, context) => {
    if (config.NODE_ENV !== PRODUCTION) return;
    const missing = (variable: 'API_KEYS_FILE' | 'CONTROL_ALLOWED_ORIGINS', what: string): void => {
      if (config[variable] !== undefined) return;
      const message = `must be set when NODE_ENV is ${PRODUCTION}${what}`;
      context.addIssue({ code: 'custom', path: [variable], message, input: undefined });
    };
    missing('API_KEYS_FILE', '');
    missing('CONTROL_ALLOWED_ORIGINS', ': origins with commas between them, none, or * for any');
  },
  { when: () => true },
);

/** The variables of control-api. */
export const configSchema = z
  .object({
    CONTROL_HOST: host('127.0.0.1').describe('The address it listens on'),
    CONTROL_PORT: port(DEFAULT_PORT).describe('The port it listens on; 0 lets the system choose'),
    API_KEYS_FILE: text().optional().describe('The JSON file of API keys; read again when it changes, and on SIGHUP'),
    CONTROL_ADMIN_PORT: port()
      .optional()
      .describe('A port for /healthz, /readyz and /metrics alone; CONTROL_PORT then has no /metrics'),
    CONTROL_ALLOWED_ORIGINS: origins()
      .optional()
      .describe(
        `Origins whose pages may call from a browser (https://app.example.com); none; * for any. Not set: none, but with NODE_ENV=${PRODUCTION} it must be set`,
      ),
    CONTROL_TRUSTED_PROXIES: setting(
      'must be IP addresses and networks (10.0.0.0/8; masks from 1 up) with commas between them',
      networks,
    )
      .optional()
      .describe('Proxies whose X-Forwarded-For is believed; they may have as many connections as there are'),
    CONTROL_MAX_CONNECTIONS: integer({ min: 1, max: 1_000_000, default: 10_000 }).describe(
      'Connections in all; past it: 503 with Retry-After',
    ),
    CONTROL_MAX_CONNECTIONS_PER_ADDRESS: integer({ min: 1, max: 1_000_000, default: 1_000 }).describe(
      'Connections of one address (of one /64 with IPv6); past it: 429 with Retry-After',
    ),
    CONTROL_MAX_REQUESTS_PER_CONNECTION: integer({ min: 1, max: 1_000_000_000, default: 10_000 }).describe(
      'Calls after which a connection is closed with an answer, so that balancers spread them anew',
    ),
    CONTROL_ANSWER_TIMEOUT: duration({ minMs: 1_000, maxMs: 3_600_000, default: '30s' }).describe(
      'How long a caller may take to read an answer before its connection is closed',
    ),
    CONTROL_MAX_CALLS_PER_KEY: integer({ min: 1, max: 1_000_000, default: 1_000 }).describe(
      'Calls of one API key at a time, those that wait for their turn included; past it: 429 with Retry-After',
    ),
    CONTROL_MAX_MIB_IN_FLIGHT: integer({ min: 64, max: 1_048_576, default: 256 }).describe(
      'MiB of bodies and pages in memory at a time; past it: 503 with Retry-After, and 429 for a caller that holds a quarter',
    ),
    CONTROL_CLIENT_CALLS_PER_SECOND: integer({ min: 1, max: 1_000_000, default: 20 }).describe(
      'Calls that a client makes by its id alone, ten seconds of them at once; 20 topics that a call looks at count as one more; as many topics a user may make with tokens; past it: 429 with Retry-After',
    ),
    CLIENT_EXPIRY: duration({ minMs: 1_000, maxMs: TEN_YEARS_MS })
      .optional()
      .describe('How long a client that does not connect stays registered (30m, 720h); not set: for ever'),
    CONSOLE: choice(['on', 'off'])
      .optional()
      .describe(`Whether the page at /console is served; not set: on, but with NODE_ENV=${PRODUCTION} off`),
    WEBHOOKS_FILE: text()
      .optional()
      .describe('The JSON file of webhooks; read again when it changes, and on SIGHUP; not set: no events are kept'),
    WEBHOOKS_ALLOW_PRIVATE: choice(['0', '1'], '0').describe(
      '1: webhooks may go to private addresses, and over http://; for development and closed networks',
    ),
    WEBHOOKS_BUFFER_MIB: integer({ min: 1, max: 1_048_576, default: 1_024 }).describe(
      'MiB of Redis memory that events of webhooks may take, on all nodes together; past it, or 1,000,000 events, the oldest go',
    ),
    PUSHER_PATH_PREFIX: setting(
      'must be paths such as /pusher, without a slash at their ends, with commas between',
      paths,
    )
      .optional()
      .describe(
        'What a proxy has before /apps/ in the URLs of Pusher clients (/pusher), whether or not it takes it away: it may be in what they sign',
      ),
    NODE_ENV: text('development').describe(
      `With ${PRODUCTION} it refuses to start without API keys, and without a word on origins`,
    ),
    ...redisVariables,
    ...logVariables,
    ...tracingVariables,
  })
  .check(redisRules, inProduction);

export type Config = z.output<typeof configSchema>;

export function isProduction({ NODE_ENV }: Pick<Config, 'NODE_ENV'>): boolean {
  return NODE_ENV === PRODUCTION;
}

export function servesConsole({ CONSOLE, NODE_ENV }: Pick<Config, 'CONSOLE' | 'NODE_ENV'>): boolean {
  return CONSOLE === undefined ? !isProduction({ NODE_ENV }) : CONSOLE === 'on';
}

/** The limits of the service. */
export function limitsOf(config: Config): ApiLimits {
  return {
    maxConnections: config.CONTROL_MAX_CONNECTIONS,
    maxConnectionsPerAddress: config.CONTROL_MAX_CONNECTIONS_PER_ADDRESS,
    maxRequestsPerSocket: config.CONTROL_MAX_REQUESTS_PER_CONNECTION,
    answerTimeoutMs: config.CONTROL_ANSWER_TIMEOUT,
    maxCallsPerKey: config.CONTROL_MAX_CALLS_PER_KEY,
    maxBytesInFlight: config.CONTROL_MAX_MIB_IN_FLIGHT * MIB,
    clientCallsPerSecond: config.CONTROL_CLIENT_CALLS_PER_SECOND,
  };
}

function networks(value: string): string[] | undefined {
  const items = value.split(',').map((item) => item.trim());
  return items.every(isNetwork) ? items : undefined;
}

function paths(value: string): string[] | undefined {
  const items = value.split(',').map((item) => item.trim());
  return items.every((item) => /^(\/[\w.~-]+)+$/.test(item)) ? items : undefined;
}

function isNetwork(item: string): boolean {
  const [address = '', bits, ...rest] = item.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  if (bits === undefined) return true;
  // Fastify takes no mask of 0: it would believe anyone.
  return /^\d{1,3}$/.test(bits) && Number(bits) >= 1 && Number(bits) <= (version === 4 ? 32 : 128);
}

/** In place of a list of origins. */
export const ANY_ORIGIN = '*';
const NO_ORIGIN = 'none';

/** Origins as browsers send them (RFC 6454, 6.2): anything else would never match. */
function origins(): Setting<string[]> {
  return setting(
    'must be none, *, or origins (https://app.example.com, without a path) with commas between them',
    (value) => {
      if (value === NO_ORIGIN) return [];
      const items = value.split(',').map((item) => item.trim());
      return value === ANY_ORIGIN || items.every(isOrigin) ? items : undefined;
    },
  );
}

function isOrigin(item: string): boolean {
  const parsed = URL.parse(item);
  return parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.origin === item && !item.includes('*');
}

/**
 * The variables of control-api. When one is wrong the files are looked at all the same, so that every fault is named at
 * once.
 * @throws {ConfigError}
 */
export async function readVariables(env: NodeJS.ProcessEnv): Promise<Config> {
  try {
    return readConfig(configSchema, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const given = (variable: string): string => env[variable]?.trim() ?? '';
    const [keys, webhooks] = [given('API_KEYS_FILE'), given('WEBHOOKS_FILE')];
    const production = isProduction({ NODE_ENV: given('NODE_ENV') });
    const allowPrivate = given('WEBHOOKS_ALLOW_PRIVATE') === '1';
    const faults = [
      keys ? await faultOfKeys(keys, { production }) : null,
      webhooks ? await faultOfWebhooks(webhooks, { allowPrivate }) : null,
    ];
    throw new ConfigError([...error.faults, ...faults.filter((fault) => fault !== null)]);
  }
}
