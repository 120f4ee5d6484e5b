import { setTimeout as delay } from 'node:timers/promises';
import { backoffMs } from '@holdfast/client/backoff';
import { HoldfastError } from '@holdfast/client/holdfast-error';
import { CliError, exitCodes } from './errors.ts';
import type { Invocation } from './invocation.ts';
import { printable } from './output.ts';
import { rememberedClients, registerClient, whichClient } from './remembered-clients.ts';

/** A client to listen as. */
export interface Listener {
  clientId: string;
  /** Whether this run registered it. */
  isNew: boolean;
  /** As Register named them; empty for a client that was there. */
  urls: readonly string[];
}

/**
 * Finds the client that this command line registered under the name, or registers one; without a name always a new one.
 * Raises CliError `name-taken` and `topic-not-found`, for people to read, and what the control API answers otherwise.
 */
export async function registered(
  invocation: Invocation,
  name: string | undefined,
  topics: readonly string[],
): Promise<Listener> {
  const known = name === undefined ? undefined : await stillRegistered(invocation, name);
  try {
    if (known === undefined) return await newlyRegistered(invocation, name, topics);
    if (topics.length > 0) await (await invocation.rest()).subscribe(known, topics);
    invocation.terminal.err(`listening as "${name}" again, client ${known}`);
    return { clientId: known, isNew: false, urls: [] };
  } catch (error) {
    throw explained(error, name, topics);
  }
}

async function newlyRegistered(
  invocation: Invocation,
  name: string | undefined,
  topics: readonly string[],
): Promise<Listener> {
  const { clientId, connect } = await registerClient(invocation, {
    name,
    topics: topics.length === 0 ? undefined : topics,
  });
  invocation.terminal.err(`registered ${name === undefined ? '' : `"${name}" as `}client ${clientId}`);
  return { clientId, isNew: true, urls: connect.urls };
}

/** The client that this command line registered under the name, if the installation still has it. */
async function stillRegistered(invocation: Invocation, name: string): Promise<string | undefined> {
  const clientId = await rememberedClients(invocation).find(await whichClient(invocation, name));
  if (clientId === undefined) return undefined;
  try {
    await (await invocation.rest()).getClient(clientId);
    return clientId;
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'client-not-found') throw error;
    await rememberedClients(invocation).forget(clientId);
    return undefined;
  }
}

function explained(error: unknown, name: string | undefined, topics: readonly string[]): unknown {
  if (!(error instanceof HoldfastError)) return error;
  if (error.code === 'name-taken') {
    return new CliError(
      exitCodes.refused,
      error.code,
      `The name "${name}" is registered already, and not from here: take another name, or listen with the client's id.`,
      { cause: error },
    );
  }
  if (error.code === 'topic-not-found') {
    const missing = error.problem?.topics ?? topics;
    return new CliError(
      exitCodes.refused,
      error.code,
      `No such topic: ${missing.join(', ')}. To create it: npx holdfast topic create ${missing[0] ?? ''}`,
      { cause: error },
    );
  }
  return error;
}

/** Short: a person creates the missing topic and watches the listener meanwhile. */
const MAX_WAIT_MS = 2000;
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
  const client = name === undefined ? 'a client' : `"${name}"`;
  err(`this client is not registered any more, as after a new start of the installation: registering ${client} again`);
  let lastLine = '';
  for (let failures = 0; !interrupted.aborted; failures += 1) {
    try {
      return await registered(invocation, name, topics);
    } catch (error) {
      if (interrupted.aborted) return null;
      if (!isTransient(error)) throw error;
      const line = printable(`waiting to register ${client}: ${error.message}`);
      if (line !== lastLine) err(line);
      lastLine = line;
    }
    await waited(Math.min(backoffMs(failures), MAX_WAIT_MS), interrupted);
  }
  return null;
}

/** Whether it ends once the installation is up, or the topic is created. */
function isTransient(error: unknown): error is CliError | HoldfastError {
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

/** Where a client connects: as Register named it, else as is known. Raises CliError `no-edge`. */
export async function edgesFor(invocation: Invocation, { urls }: Pick<Listener, 'urls'>): Promise<readonly string[]> {
  if (urls.length > 0) return urls;
  const { edgeUrls } = await invocation.target();
  return edgeUrls.length > 0 ? edgeUrls : liveEdges(invocation);
}

/** Delays the exit after Ctrl-C; a running installation answers in milliseconds. */
const UNREGISTER_TIMEOUT_MS = 5000;

export async function unregister(invocation: Invocation, clientId: string): Promise<void> {
  await (await invocation.lastRest(UNREGISTER_TIMEOUT_MS)).unregister(clientId);
  await rememberedClients(invocation).forget(clientId);
  invocation.terminal.err(`unregistered client ${clientId}`);
}

/** An edge takes clients once it is subscribed in Redis, a second after its start at most; a restart takes some more. */
const WAIT_MS = 10_000;
const POLL_MS = 250;

/** The edges that take connections, waiting a little for the first. Raises CliError `no-edge` when there is none. */
async function liveEdges(invocation: Invocation): Promise<string[]> {
  const rest = await invocation.rest();
  const until = performance.now() + WAIT_MS;
  for (;;) {
    const { edges } = await rest.edges();
    const live = edges.filter(({ draining }) => !draining).map(({ url }) => url);
    if (live.length > 0) return live;
    if (performance.now() >= until) {
      throw new CliError(exitCodes.unreachable, 'no-edge', 'No edge is alive. To name one: --url ws://127.0.0.1:7701');
    }
    await delay(POLL_MS);
  }
}
