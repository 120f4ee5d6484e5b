import type { Command } from 'commander';
import { commaList, webSocketUrl } from '../arguments.ts';
import { CLIENT_ARGUMENT, clientNamed } from '../names/client-name.ts';
import { CliError, exitCodes } from '../errors.ts';
import { type Invocation, invocationOf } from '../invocation.ts';
import { listenUntilInterrupted } from '../listen-session.ts';
import { type Listener, edgesFor, registerAgain, registered, unregister } from '../listener.ts';
import type { Terminal } from '../terminal.ts';

interface ListenOptions {
  /** A name, or true for a client without one. */
  register?: string | true;
  topics?: string[];
  url?: string;
  resume: boolean;
  once?: true;
  token?: string;
}

/** `listen`: a client that a person can watch. */
export function addListenCommand(program: Command, terminal: Terminal): void {
  program
    .command('listen')
    .description('show what a client receives, as it comes; reconnects and resumes until Ctrl-C')
    .argument('[client]', CLIENT_ARGUMENT)
    .option(
      '--register [name]',
      'register one first, and again should the installation be started anew; with a name, the same line finds the same client again',
    )
    .option('--topics <topics>', 'subscribe it to these first', commaList)
    .option('--url <url>', 'the edge to connect to', webSocketUrl)
    .option('--no-resume', 'do not ask for what was missed while the connection was away')
    .option('--token <jwt>', 'register with this token, in place of an API key')
    .option('--once', 'unregister the client at the end, if this command registered it')
    .addHelpText(
      'after',
      '\nExamples:\n  $ npx holdfast listen --register me --topics news.sport\n  $ npx holdfast listen phone --json',
    )
    .action(async (clientId: string | undefined, options: ListenOptions, command: Command) => {
      const invocation = invocationOf(command, terminal);
      if (options.token !== undefined) return listenWith(invocation, options.token, clientId, options);
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

/** The token is shown as it is: it cannot be renewed here. */
async function listenWith(
  invocation: Invocation,
  token: string,
  clientId: string | undefined,
  { register, topics, url, resume }: ListenOptions,
): Promise<void> {
  if (clientId !== undefined || register !== undefined || topics !== undefined || url !== undefined) {
    throw new CliError(exitCodes.usage, 'usage', 'A token names the client and its topics: --token stands alone.');
  }
  const { controlUrl } = await invocation.target();
  const gone = await listenUntilInterrupted(invocation, {
    connection: { controlUrl, getToken: () => token, resume },
    check: null,
  });
  if (gone !== null) throw gone;
}

/** Null after Ctrl-C; the error when the client is not registered any more. */
async function listenAs(
  invocation: Invocation,
  listener: Listener,
  { url, register, resume }: ListenOptions,
): Promise<CliError | null> {
  const { clientId } = listener;
  return listenUntilInterrupted(invocation, {
    connection: { clientId, urls: url === undefined ? await edgesFor(invocation, listener) : [url], resume },
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
  named: string | undefined,
  options: ListenOptions,
): Promise<Listener> {
  const { register, topics = [], url } = options;
  if ((named === undefined) === (register === undefined)) {
    throw new CliError(
      exitCodes.usage,
      'usage',
      'Name a client by its id, or register one: npx holdfast listen --register me --topics news.sport',
    );
  }
  if (named === undefined) return registered(invocation, nameOf(options), topics);
  const clientId = await clientNamed(invocation, named);
  // With an edge named and nothing to subscribe no control API is needed.
  if (topics.length > 0) await (await invocation.rest()).subscribe(clientId, topics);
  else if (url === undefined) await (await invocation.rest()).getClient(clientId);
  return { clientId, isNew: false, urls: [] };
}
