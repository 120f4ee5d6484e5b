import { type Call, createCall } from '@holdfast/client/http-call';
import { type Rest, createRest } from '@holdfast/client/rest';
import type { Command } from 'commander';
import { readSettings } from './config.ts';
import { CliError, exitCodes } from './errors.ts';
import type { Terminal } from './terminal.ts';

/** No call of the control API takes this long; without it a firewall that drops packets would block a script for ever. */
const CALL_TIMEOUT_MS = 30_000;

/** As the value of `--key`: the first line of standard input is the key. */
export const KEY_FROM_INPUT = '-';

interface GlobalOptions {
  control?: string;
  key?: string;
  json?: boolean;
}

interface Target {
  controlUrl: string;
  key: string | undefined;
  /** From the state file of `npm start`; empty for an installation that was named. */
  edgeUrls: readonly string[];
  /** Whether a person named it, by options or variables, and did not leave it to what runs here. */
  isNamed: boolean;
}

/** One run of one command: its installation, and how it prints. */
export interface Invocation {
  terminal: Terminal;
  json: boolean;
  /** Raises CliError `no-installation`. */
  target: () => Promise<Target>;
  /** For calls that Ctrl-C aborts, or the end of `withinMs` (30 s). Raises CliError `no-installation`. */
  rest: (withinMs?: number) => Promise<Rest>;
  /** The same for calls that the SDK does not have. */
  call: (withinMs?: number) => Promise<Call>;
  /** For calls that must still be made after Ctrl-C, within `withinMs`. */
  lastRest: (withinMs: number) => Promise<Rest>;
  /** The answer: as JSON under `--json`, in these lines otherwise. */
  print: (answer: unknown, lines: readonly string[]) => void;
}

export function invocationOf(command: Command, terminal: Terminal): Invocation {
  return invocationWith(command.optsWithGlobals<GlobalOptions>(), terminal);
}

export function invocationWith(options: GlobalOptions, terminal: Terminal): Invocation {
  const json = options.json === true;
  const target = (): Promise<Target> => findTarget(options, terminal);
  const optionsWith = async (signalOf: () => AbortSignal) => {
    const { controlUrl, key } = await target();
    const boundFetch: typeof fetch = (url, init) => fetch(url, { ...init, signal: signalOf() });
    return { controlUrl, key, fetch: boundFetch };
  };
  const untilInterrupted = (withinMs: number) => () =>
    AbortSignal.any([terminal.interrupted, AbortSignal.timeout(withinMs)]);
  return {
    terminal,
    json,
    target,
    rest: async (withinMs = CALL_TIMEOUT_MS) => createRest(await optionsWith(untilInterrupted(withinMs))),
    call: async (withinMs = CALL_TIMEOUT_MS) => createCall(await optionsWith(untilInterrupted(withinMs))),
    lastRest: async (withinMs) => createRest(await optionsWith(() => AbortSignal.timeout(withinMs))),
    print(answer, lines) {
      if (json) terminal.out(JSON.stringify(answer));
      else for (const line of lines) terminal.out(line);
    },
  };
}

/** The installation that options, variables or a running `npm start` name. Raises CliError `no-installation`. */
async function findTarget(options: GlobalOptions, { environment, installation }: Terminal): Promise<Target> {
  const settings = readSettings(environment);
  const key = options.key ?? settings.key;
  const named = options.control ?? settings.controlUrl;
  // The key that `npm start` left is for its own installation only.
  if (named !== undefined) return { controlUrl: controlUrlOf(named), key, edgeUrls: [], isNamed: true };
  const stateFile = await installation();
  if (stateFile === null) {
    throw new CliError(
      exitCodes.unreachable,
      'no-installation',
      'No installation is running here: start one with `npm start`, or name one with --control URL and --key KEY ' +
        '(HOLDFAST_CONTROL_URL and HOLDFAST_KEY).',
    );
  }
  return {
    controlUrl: stateFile.controlUrl,
    key: key ?? stateFile.key,
    edgeUrls: stateFile.edgeUrls,
    isNamed: false,
  };
}

function controlUrlOf(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new CliError(
    exitCodes.usage,
    'bad-control-url',
    `HOLDFAST_CONTROL_URL: "${text}" is not a URL such as http://127.0.0.1:7700`,
  );
}
