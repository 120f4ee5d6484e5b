import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Installation, startInstallation } from '@holdfast/local/installation';
import { afterAll, beforeAll, expect, vi } from 'vitest';
import { run } from '../run.ts';
import { type RecordingTerminal, recordingTerminal } from './recording-terminal.ts';

/** A Redis, a control-api and two edges start, on a machine that runs other files as well. */
const START_WITHIN_MS = 60_000;

/** For what takes a moment in an installation. */
export const WAIT = { timeout: 15_000 };

interface Ran {
  exitCode: number;
  out: readonly string[];
  err: readonly string[];
}

interface Listening {
  out: readonly string[];
  err: readonly string[];
  ended: Promise<number>;
  /** Ctrl-C; gives the exit code. */
  stop: () => Promise<number>;
}

/** The command line, with an installation that variables name. */
export interface InstalledCli {
  installation: () => Installation;
  /** Of this file; gone at its end. */
  directory: () => string;
  holdfast: (...args: string[]) => Promise<Ran>;
  /** What a command that must succeed answers with `--json`. */
  answerOf: (...args: string[]) => Promise<Record<string, unknown>>;
  /** Listens in the background. */
  listening: (...args: string[]) => Promise<Listening>;
  terminalFor: (interrupted?: AbortSignal, input?: string) => RecordingTerminal;
}

/** Starts an installation for the tests of this file, and stops it after them. */
export function installedCli(): InstalledCli {
  let installation: Installation;
  let directory: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'holdfast-cli-'));
    installation = await startInstallation({ edges: 2, announce: () => {} });
    await vi.waitUntil(async () => (await holdfast('edges')).out.length === 3, WAIT);
  }, START_WITHIN_MS);

  afterAll(async () => {
    await installation.stop();
    await rm(directory, { recursive: true });
  }, START_WITHIN_MS);

  function terminalFor(interrupted = new AbortController().signal, input = ''): RecordingTerminal {
    return recordingTerminal({
      environment: { HOLDFAST_CONTROL_URL: installation.controlUrl, HOLDFAST_KEY: installation.key },
      rememberedClientsDirectory: join(directory, 'clients'),
      interrupted,
      input,
    });
  }

  async function holdfast(...args: string[]): Promise<Ran> {
    const terminal = terminalFor();
    return { exitCode: await run(args, terminal), out: terminal.outLines, err: terminal.errLines };
  }

  async function answerOf(...args: string[]): Promise<Record<string, unknown>> {
    const { exitCode, out, err } = await holdfast(...args, '--json');
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: [] });
    return JSON.parse(out.join('')) as Record<string, unknown>;
  }

  async function listening(...args: string[]): Promise<Listening> {
    const interruption = new AbortController();
    const terminal = terminalFor(interruption.signal);
    const ended = run(['listen', ...args], terminal);
    await vi.waitFor(() => expect(terminal.errLines.join('\n')).toContain('receiving'), WAIT);
    const stop = (): Promise<number> => {
      interruption.abort();
      return ended;
    };
    return { out: terminal.outLines, err: terminal.errLines, ended, stop };
  }

  return {
    installation: () => installation,
    directory: () => directory,
    holdfast,
    answerOf,
    listening,
    terminalFor,
  };
}

/** The data of the messages that `listen` has shown. */
export function dataOf(lines: readonly string[]): string[] {
  return lines.map((line) => line.split(' ').slice(2).join(' '));
}
