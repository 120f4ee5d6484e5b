import { connect } from '@holdfast/client/connect';
import type { PresencePage } from '@holdfast/client/rest';
import { MAX_PAGE } from '@holdfast/protocol/limits';
import type { Command } from 'commander';
import { clientNamed } from '../names/client-name.ts';
import { type Invocation, invocationOf } from '../invocation.ts';
import { throwIfRefused } from '../listen-session.ts';
import { edgesFor, unregister } from '../listener.ts';
import { printable, table } from '../output.ts';
import type { Terminal } from '../terminal.ts';

interface PresenceOptions {
  follow?: true;
  client?: string;
}

/** `presence`. */
export function addPresenceCommand(program: Command, terminal: Terminal): void {
  program
    .command('presence')
    .description('show who is present on a topic')
    .argument('<topic>')
    .option('--follow', 'then show who joins and who leaves, until Ctrl-C')
    .option(
      '--client <client>',
      '--follow as this client; else as one that is registered for it, and is itself present',
    )
    .addHelpText('after', '\nExample:\n  $ npx holdfast presence chat.lobby --follow')
    .action(async (topic: string, options: PresenceOptions, command: Command) => {
      const invocation = invocationOf(command, terminal);
      await printMembers(invocation, topic);
      if (options.follow !== true) return;
      const { client } = options;
      if (client !== undefined) {
        const clientId = await clientNamed(invocation, client);
        await (await invocation.rest()).subscribe(clientId, [topic]);
        return followPresence(invocation, topic, { clientId, urls: [] });
      }
      const { clientId, connect: edges } = await (await invocation.rest()).register({ topics: [topic] });
      try {
        await followPresence(invocation, topic, { clientId, urls: edges.urls });
      } finally {
        await unregister(invocation, clientId);
      }
    });
}

async function printMembers(invocation: Invocation, topic: string): Promise<void> {
  const rest = await invocation.rest();
  const members: PresencePage['members'] = [];
  let page: PresencePage;
  let cursor: string | null = null;
  do {
    page = await rest.presence(topic, { cursor, limit: MAX_PAGE });
    members.push(...page.members);
    ({ cursor } = page);
  } while (cursor !== null);
  const { count, version } = page;
  const rows = members.map(({ id, info }) => [id, infoText(info)]);
  const lines = rows.length === 0 ? [] : table(['MEMBER', 'INFO'], rows);
  invocation.print({ count, version, members }, [...lines, `${count} present`]);
}

/** Until Ctrl-C. Raises CliError when the connection ends for good otherwise. */
async function followPresence(
  invocation: Invocation,
  topic: string,
  client: { clientId: string; urls: readonly string[] },
): Promise<void> {
  const { terminal, json } = invocation;
  const { green, red, dim } = terminal.colors;
  const { clientId } = client;
  const urls = await edgesFor(invocation, client);
  const connection = connect({ clientId, urls, presence: true, signal: terminal.interrupted });
  connection.on('state', (change) => {
    if (change.state === 'waiting') terminal.err(printable(`reconnecting: ${change.why}`));
  });
  connection.presence(topic).on('change', (change) => {
    if (json) return terminal.out(JSON.stringify(change));
    for (const { id, info } of change.joined) terminal.out(`${green('joined')} ${printable(id)} ${infoText(info)}`);
    for (const { id } of change.left) terminal.out(`${red('left')} ${printable(id)}`);
    terminal.out(dim(`${change.count} present`));
  });
  throwIfRefused(await connection.closed, clientId);
}

function infoText(info: unknown): string {
  return info === null || info === undefined ? '' : printable(JSON.stringify(info));
}
