import type { HoldfastError } from '@holdfast/client/holdfast-error';
import { CONNECT_PATH } from '@holdfast/protocol/version';
import { CliError, exitCodes } from './errors.ts';
import type { Terminal } from './terminal.ts';

/** What a server answers that is no control-api, or one without that call. */
const SUSPICIOUS: ReadonlySet<string> = new Set(['route-not-found', 'method-not-allowed', 'unexpected-answer']);
/** The server has just answered. */
const PROBE_TIMEOUT_MS = 3000;
const UPGRADE_REQUIRED = 426;

/**
 * Looks at what is at the control URL when it answered as no control-api does, and gives an error that says what it is. Any
 * other error is given as it came.
 */
export async function explainedAnswer(error: HoldfastError, controlUrl: string, terminal: Terminal): Promise<Error> {
  if (!SUSPICIOUS.has(error.code)) return error;
  if ((await statusOf(controlUrl, CONNECT_PATH)) === UPGRADE_REQUIRED) {
    const message = `${controlUrl} is an edge, where clients connect. This command calls control-api: ${await whereItIs(controlUrl, terminal)}.`;
    return new CliError(exitCodes.usage, 'control-is-edge', message, { cause: error });
  }
  // Every control-api has this one, whoever asks.
  if ((await statusOf(controlUrl, '/openapi.json')) === 200) {
    const message = `The control-api at ${controlUrl} does not have this call: it is older than this command line.`;
    return new CliError(exitCodes.refused, 'control-is-older', message, { cause: error });
  }
  if ((await statusOf(controlUrl, '/healthz')) === 200) {
    const message = `${controlUrl} answers health checks alone: it is a port for administration. control-api's calls are on CONTROL_PORT.`;
    return new CliError(exitCodes.usage, 'control-is-admin-port', message, { cause: error });
  }
  const message = `${controlUrl} is no control-api: it ${error.status === undefined ? 'answered' : `answered with status ${error.status}`}, and not as Holdfast does.`;
  return new CliError(exitCodes.usage, 'control-is-other', message, { cause: error });
}

async function whereItIs(edgeUrl: string, { installation }: Terminal): Promise<string> {
  const running = await installation();
  const isOfRunning = running?.edgeUrls.some((url) => new URL(url).host === new URL(edgeUrl).host) === true;
  return isOfRunning
    ? `the one of npm start is at ${running.controlUrl}`
    : 'it has a port of its own, 7700 unless CONTROL_PORT says otherwise';
}

/** Null when no answer came. */
async function statusOf(base: string, path: string): Promise<number | null> {
  try {
    const response = await fetch(base.replace(/\/+$/, '') + path, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
    await response.body?.cancel();
    return response.status;
  } catch {
    return null;
  }
}
