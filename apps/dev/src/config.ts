/** Where control-api and the first of the two edges listen by default. */
const CONTROL_PORT = 7700;
const EDGE_PORT = 7701;
const EDGES = 2;
const LAST_PORT = 65_535;
/** Connections are short-lived here: Ctrl-C should be felt. */
const DRAIN_SECONDS = '2';
const PREFIX = 'hf:';
/** In place of a list of origins. */
const ANY_ORIGIN = '*';

export interface DevConfig {
  controlPort: number;
  edgePorts: readonly number[];
  prefix: string;
  /** Of control-api and the edges, but for what npm start decides: Redis, keys file, ports. */
  serviceEnv: Readonly<Record<string, string>>;
}

/** The environment is not as it must be; the message names every fault. */
class DevConfigError extends Error {
  constructor(faults: readonly string[]) {
    super(`npm start cannot begin:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
    this.name = 'DevConfigError';
  }
}

/** Reads the environment. Throws {@link DevConfigError}. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): DevConfig {
  const faults: string[] = [];
  const portFrom = (name: string, fallback: number, last: number): number => {
    const text = env[name] || String(fallback);
    const port = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (port <= last) return port;
    faults.push(`${name} must be a port from 0 to ${last}, and is "${text}"`);
    return fallback;
  };
  const controlPort = portFrom('CONTROL_PORT', CONTROL_PORT, LAST_PORT);
  const edgePort = portFrom('EDGE_PORT', EDGE_PORT, LAST_PORT - EDGES + 1);
  // Port 0 is any free one, for each.
  const edgePorts = Array.from({ length: EDGES }, (_, index) => (edgePort === 0 ? 0 : edgePort + index));
  if (edgePorts.includes(controlPort) && controlPort !== 0) {
    faults.push(`CONTROL_PORT ${controlPort} is a port of the edges too (EDGE_PORT ${edgePorts.join(' and ')})`);
  }
  for (const name of ['REDIS_CLUSTER_NODES', 'REDIS_SENTINELS']) {
    if (env[name]) {
      faults.push(`${name} is set, and npm start runs on one Redis (REDIS_URL): start the services one by one instead`);
    }
  }
  if (faults.length > 0) throw new DevConfigError(faults);
  return {
    controlPort,
    edgePorts,
    prefix: env['REDIS_PREFIX'] || PREFIX,
    serviceEnv: { ...serviceEnvironment(env), ...consoleMayConnect(env['EDGE_ALLOWED_ORIGINS'], controlPort) },
  };
}

/** Where edges take pages of listed origins only, the console's is one of them. */
function consoleMayConnect(origins: string | undefined, controlPort: number): Record<string, string> {
  if (!origins || origins === ANY_ORIGIN || controlPort === 0) return {};
  return { EDGE_ALLOWED_ORIGINS: `${origins},http://127.0.0.1:${controlPort}` };
}

/** What the shell says goes on to the services, but for what npm adds and what two edges cannot share. */
function serviceEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const passed: Record<string, string> = { EDGE_DRAIN_SECONDS: DRAIN_SECONDS };
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !name.startsWith('npm_') && name !== 'EDGE_ADVERTISE_URL') passed[name] = value;
  }
  return passed;
}
