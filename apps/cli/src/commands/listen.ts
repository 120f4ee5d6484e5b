import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { commaList, webSocketUrl } from '../arguments.ts';
import { CliError, exitCodes } from '../errors.ts';
import { type Invocation, invocationOf } from '../invocation.ts';
import { listenUntilInterrupted } from '../listen-session.ts';
import { type Listener, registerAgain, registered } from '../listener.ts';
import { rememberedClients } from '../remembered-clients.ts';
import type { Terminal } from '../terminal.ts';

/** Delays the exit after Ctrl-C; a running installation answers in milliseconds. */
const UNREGISTER_TIMEOUT_MS = 5000;

interface ListenOptions {
  /** A name, or true for a client without one. */
  register?: string | true;
  topics?: string[];
  url?: string;
  resume: boolean;
  once?: true;
}

/** `listen`: a client that a person can watch. */
export function addListenCommand(program: Command, terminal: Terminal): void {
  program
    .command('listen')
    .description('show what a client receives, as it comes; reconnects and resumes until Ctrl-C')
    .argument('[clientId]', 'a client that is registered')
    .option(
      '--register [name]',
      'register one first, and again should the installation be started anew; with a name, the same line finds the same client again',
    )
    .option('--topics <topics>', 'subscribe it to these first', commaList)
    .option('--url <url>', 'the edge to connect to', webSocketUrl)
    .option('--no-resume', 'do not ask for what was missed while the connection was away')
    .option('--once', 'unregister the client at the end, if this command registered it')
    .addHelpText('after', '\nExample:\n  $ npx holdfast listen --register me --topics news.sport')
    .action(async (clientId: string | undefined, options: ListenOptions, command: Command) => {
      const invocation = invocationOf(command, terminal);
      let listener: Listener | null = await listenerOf(invocation, clientId, options);
      try {
        while (listener !== null) {
          const gone: CliError | null = await listenAs(invocation, listener, options);
          if (gone === null) return;
          listener = null;
          if (options.register === undefined) throw gone;
          listener = await registerAgain(invocation, nameOf(options), options.topics ?? []);
        }
      } finally {
        if (options.once === true && listener?.isNew === true) await unregister(invocation, listener.clientId);
      }
    });
}

/** Null after Ctrl-C; the error when the client is not registered any more. */
async function listenAs(
  invocation: Invocation,
  listener: Listener,
  { url, register, resume }: ListenOptions,
): Promise<CliError | null> {
  const { clientId } = listener;
  return listenUntilInterrupted(invocation, {
    clientId,
    urls: url === undefined ? await edgesFor(invocation, listener) : [url],
    resume,
    // With an edge named, and nothing registered, there may be no control API. It is looked for each time: an
    // installation that was started anew may be elsewhere.
    check:
      url !== undefined && register === undefined ? null : async () => (await invocation.rest()).getClient(clientId),
  });
}

function nameOf({ register }: ListenOptions): string | undefined {
  return register === true ? undefined : register;
}

async function listenerOf(
  invocation: Invocation,
  clientId: string | undefined,
  options: ListenOptions,
): Promise<Listener> {
  const { register, topics = [], url } = options;
  if ((clientId === undefined) === (register === undefined)) {
    throw new CliError(
      exitCodes.usage,
      'usage',
      'Name a client by its id, or register one: npx holdfast listen --register me --topics news.sport',
    );
  }
  if (clientId === undefined) return registered(invocation, nameOf(options), topics);
  // With an edge named and nothing to subscribe no control API is needed.
  if (topics.length > 0) await (await invocation.rest()).subscribe(clientId, topics);
  else if (url === undefined) await (await invocation.rest()).getClient(clientId);
  return { clientId, isNew: false, urls: [] };
}

async function edgesFor(invocation: Invocation, { urls }: Listener): Promise<readonly string[]> {
  if (urls.length > 0) return urls;
  const { edgeUrls } = await invocation.target();
  return edgeUrls.length > 0 ? edgeUrls : liveEdges(invocation);
}

async function unregister(invocation: Invocation, clientId: string): Promise<void> {
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
