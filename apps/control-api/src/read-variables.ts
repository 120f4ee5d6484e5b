import { ConfigError, readConfig } from '@holdfast/service/config';
import { faultOfKeys } from './api-keys-file.ts';
import { type Config, configSchema, isProduction } from './config.ts';

/**
 * The variables of control-api. When one is wrong the keys file is looked at all the same, so that every fault is named
 * at once.
 * @throws {ConfigError}
 */
export async function readVariables(env: NodeJS.ProcessEnv): Promise<Config> {
  try {
    return readConfig(configSchema, env);
  } catch (error) {
    const file = env['API_KEYS_FILE']?.trim();
    const needed = isProduction({ NODE_ENV: env['NODE_ENV']?.trim() ?? '' });
    const fault = error instanceof ConfigError && file ? await faultOfKeys(file, { needed }) : null;
    if (!(error instanceof ConfigError) || fault === null) throw error;
    throw new ConfigError([...error.faults, fault]);
  }
}
