import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs } from '@holdfast/client/backoff';
import { HoldfastError } from '@holdfast/client/holdfast-error';
import { CliError } from './cli-error.ts';
import type { Invocation } from './invocation.ts';
import { type Listener, registered } from './listener.ts';
import { printable } from './printable.ts';

/** A person who creates the topic that is waited for watches the listener meanwhile. */
const LONGEST_WAIT_MS = 2000;
const FIRST_SERVER_FAULT = 500;

/**
 * Registers a client in place of one that is gone. An installation that is started anew is not there at once, nor are its
 * topics: those are waited for, until Ctrl-C, which gives null. Raises what `registered` raises otherwise.
 */
export async function registerAgain(
  invocation: Invocation,
  name: string | undefined,
  topics: readonly string[],
): Promise<Listener | null> {
  const { interrupted, err } = invocation.terminal;
  const who = name === undefined ? 'a client' : `"${name}"`;
  err(`this client is not registered any more, as after a new start of the installation: registering ${who} again`);
  let said = '';
  for (let failures = 0; !interrupted.aborted; failures += 1) {
    try {
      return await registered(invocation, name, topics);
    } catch (error) {
      if (interrupted.aborted) return null;
      if (!isPassing(error)) throw error;
      const line = printable(`waiting to register ${who}: ${error.message}`);
      if (line !== said) err(line);
      said = line;
    }
    await waited(Math.min(backoffMs(failures), LONGEST_WAIT_MS), interrupted);
  }
  return null;
}

/** Whether it is over once the installation is up, or somebody created the topic. */
function isPassing(error: unknown): error is CliError | HoldfastError {
  if (error instanceof CliError) return error.code === 'topic-not-found' || error.code === 'no-installation';
  if (!(error instanceof HoldfastError)) return false;
  return error.code === 'unreachable' || (error.status !== undefined && error.status >= FIRST_SERVER_FAULT);
}

/** Until the time is over, or the signal comes. */
async function waited(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(milliseconds, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
