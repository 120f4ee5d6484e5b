import { HoldfastError } from '@holdfast/client/holdfast-error';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { type Invocation, invocationOf } from '../invocation.ts';
import { listenUntilInterrupted } from '../listen-session.ts';
import { liveEdges } from '../live-edges.ts';
import { memory, registerClient, whichClient } from '../naming.ts';
import { commaList, webSocketUrl } from '../options.ts';
import type { Terminal } from '../terminal.ts';

/** A person who pressed Ctrl-C waits for this; an installation that is there answers in milliseconds. */
const UNREGISTER_WITHIN_MS = 5000;

interface ListenOptions {
  /** A name, or true for a client without one. */
  register?: string | true;
  topics?: string[];
  url?: string;
  resume: boolean;
  once?: true;
}

interface Listener {
  clientId: string;
  /** Whether this run registered it. */
  isNew: boolean;
  /** As Register named them; empty for a client that was there. */
  urls: readonly string[];
}

/** `listen`: a client that a person can watch. */
export function addListenCommand(program: Command, terminal: Terminal): void {
  program
    .command('listen')
    .description('show what a client receives, as it comes; reconnects and resumes until Ctrl-C')
    .argument('[clientId]', 'a client that is registered')
    .option('--register [name]', 'register one first; with a name, the same line finds the same client again')
    .option('--topics <topics>', 'subscribe it to these first', commaList)
    .option('--url <url>', 'the edge to connect to', webSocketUrl)
    .option('--no-resume', 'do not ask for what was missed while the connection was away')
    .option('--once', 'unregister the client at the end, if this command registered it')
    .addHelpText('after', '\nExample:\n  $ npx holdfast listen --register me --topics news.sport')
    .action(async (clientId: string | undefined, options: ListenOptions, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const listener = await listenerOf(invocation, clientId, options);
      try {
        const urls = options.url === undefined ? await edgesFor(invocation, listener) : [options.url];
        const rest = await restUnless(options.url !== undefined && options.register === undefined, invocation);
        await listenUntilInterrupted(invocation, {
          clientId: listener.clientId,
          urls,
          resume: options.resume,
          check: rest && (() => rest.getClient(listener.clientId)),
        });
      } finally {
        if (options.once === true && listener.isNew) await unregister(invocation, listener.clientId);
      }
    });
}

async function listenerOf(
  invocation: Invocation,
  clientId: string | undefined,
  { register, topics = [], url }: ListenOptions,
): Promise<Listener> {
  if ((clientId === undefined) === (register === undefined)) {
    throw new CliError(
      exitCodes.usage,
      'usage',
      'Name a client by its id, or register one: npx holdfast listen --register me --topics news.sport',
    );
  }
  if (clientId === undefined) return registered(invocation, register === true ? undefined : register, topics);
  // With an edge named and nothing to subscribe no control API is needed.
  if (topics.length > 0) await (await invocation.rest()).subscribe(clientId, topics);
  else if (url === undefined) await (await invocation.rest()).getClient(clientId);
  return { clientId, isNew: false, urls: [] };
}

async function registered(
  invocation: Invocation,
  name: string | undefined,
  topics: readonly string[],
): Promise<Listener> {
  const known = name === undefined ? undefined : await stillRegistered(invocation, name);
  if (known !== undefined) {
    if (topics.length > 0) await (await invocation.rest()).subscribe(known, topics);
    invocation.terminal.err(`listening as "${name}" again, client ${known}`);
    return { clientId: known, isNew: false, urls: [] };
  }
  try {
    const { clientId, connect } = await registerClient(invocation, {
      name,
      topics: topics.length === 0 ? undefined : topics,
    });
    invocation.terminal.err(`registered ${name === undefined ? '' : `"${name}" as `}client ${clientId}`);
    return { clientId, isNew: true, urls: connect.urls };
  } catch (error) {
    throw explained(error, name, topics);
  }
}

/** The client that this command line registered under the name, if the installation still has it. */
async function stillRegistered(invocation: Invocation, name: string): Promise<string | undefined> {
  const clientId = await memory(invocation).find(await whichClient(invocation, name));
  if (clientId === undefined) return undefined;
  try {
    await (await invocation.rest()).getClient(clientId);
    return clientId;
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== 'client-not-found') throw error;
    await memory(invocation).forget(clientId);
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

async function edgesFor(invocation: Invocation, { urls }: Listener): Promise<readonly string[]> {
  if (urls.length > 0) return urls;
  const { edgeUrls } = await invocation.target();
  return edgeUrls.length > 0 ? edgeUrls : liveEdges(invocation);
}

async function restUnless(unneeded: boolean, invocation: Invocation) {
  return unneeded ? null : invocation.rest();
}

async function unregister(invocation: Invocation, clientId: string): Promise<void> {
  await (await invocation.lastRest(UNREGISTER_WITHIN_MS)).unregister(clientId);
  await memory(invocation).forget(clientId);
  invocation.terminal.err(`unregistered client ${clientId}`);
}
