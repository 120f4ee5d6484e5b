import { isIP } from 'node:net';
import { duration, host, list, port, setting, text } from '@holdfast/service/config';
import { logVariables } from '@holdfast/service/logger';
import { redisRules, redisVariables } from '@holdfast/service/redis-config';
import { z } from 'zod';

const DEFAULT_PORT = 7700;
const TEN_YEARS_MS = 10 * 365 * 24 * 3_600_000;
const PRODUCTION = 'production';

interface KeysRule {
  NODE_ENV: string;
  API_KEYS_FILE?: string | undefined;
}

const keysInProduction: z.core.$ZodCheck<KeysRule> = z.superRefine<KeysRule>(
  (config, context) => {
    if (config.NODE_ENV !== PRODUCTION || config.API_KEYS_FILE !== undefined) return;
    context.addIssue({
      code: 'custom',
      path: ['API_KEYS_FILE'],
      message: `must be set when NODE_ENV is ${PRODUCTION}`,
      input: undefined,
    });
  },
  { when: () => true },
);

/** The variables of control-api. */
export const configSchema = z
  .object({
    CONTROL_HOST: host('127.0.0.1').describe('The address it listens on'),
    CONTROL_PORT: port(DEFAULT_PORT).describe('The port it listens on; 0 lets the system choose'),
    API_KEYS_FILE: text().optional().describe('The JSON file of API keys; read again when it changes, and on SIGHUP'),
    CONTROL_ALLOWED_ORIGINS: list()
      .optional()
      .describe('Origins whose pages may call from a browser (https://app.example.com); not set: none'),
    CONTROL_TRUSTED_PROXIES: setting(
      'must be IP addresses and networks (10.0.0.0/8) with commas between them',
      networks,
    )
      .optional()
      .describe('Proxies whose X-Forwarded-For is believed'),
    CLIENT_EXPIRY: duration({ minMs: 1_000, maxMs: TEN_YEARS_MS })
      .optional()
      .describe('How long a client that does not connect stays registered (30m, 720h); not set: for ever'),
    NODE_ENV: text('development').describe(`With ${PRODUCTION} it refuses to start without API keys`),
    ...redisVariables,
    ...logVariables,
  })
  .check(redisRules, keysInProduction);

export type Config = z.output<typeof configSchema>;

/** Whether this is meant for use, and not for a first look. */
export function isProduction({ NODE_ENV }: Pick<Config, 'NODE_ENV'>): boolean {
  return NODE_ENV === PRODUCTION;
}

function networks(value: string): string[] | undefined {
  const items = value.split(',').map((item) => item.trim());
  return items.every(isNetwork) ? items : undefined;
}

function isNetwork(item: string): boolean {
  const [address = '', bits, ...rest] = item.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  if (bits === undefined) return true;
  return /^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128);
}
