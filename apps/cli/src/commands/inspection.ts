import type { ClientDetails, ClientPage } from '@holdfast/client/rest';
import { DEFAULT_PAGE, MAX_PAGE } from '@holdfast/protocol/limits';
import type { Command } from 'commander';
import { positiveNumber } from '../arguments.ts';
import { CLIENT_ARGUMENT, managedClientNamed } from '../names/client-name.ts';
import { invocationOf } from '../invocation.ts';
import { printable, table } from '../output.ts';
import type { Terminal } from '../terminal.ts';

interface ClientsOptions {
  limit?: number;
  all?: true;
  user?: string;
}

/** `clients` and `client`. */
export function addInspectionCommands(program: Command, terminal: Terminal): void {
  program
    .command('clients')
    .description('list registered clients by ref; with the UUIDs of those of the own key')
    .option('--limit <number>', `how many at most (${DEFAULT_PAGE})`, positiveNumber)
    .option('--all', 'all of them')
    .option('--user <user>', 'only the clients of this user')
    .addHelpText('after', '\nExample:\n  $ npx holdfast clients --all --json')
    .action(async ({ limit = DEFAULT_PAGE, all, user }: ClientsOptions, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const rest = await invocation.rest();
      const clients: ClientPage['clients'] = [];
      const maxClients = all === true ? Infinity : limit;
      let cursor: string | null = null;
      do {
        const pageSize = Math.min(MAX_PAGE, maxClients - clients.length);
        const page: ClientPage = await rest.clients({ cursor, limit: pageSize, user });
        clients.push(...page.clients);
        ({ cursor } = page);
      } while (cursor !== null && clients.length < maxClients);
      const rows = clients.map(({ ref, clientId, name, key, user: owner, connected, topics }) => [
        ref,
        clientId ?? '',
        name ?? '',
        key,
        owner ?? '',
        connected ? 'yes' : 'no',
        topics.join(','),
      ]);
      const lines = table(['REF', 'CLIENT', 'NAME', 'KEY', 'USER', 'CONNECTED', 'TOPICS'], rows);
      if (cursor !== null) lines.push(terminal.colors.dim('There are more: --all shows them.'));
      invocation.print({ clients, cursor }, lines);
    });

  program
    .command('client')
    .description('show one client: its subscriptions, and what its edge serves')
    .argument('<client>', CLIENT_ARGUMENT)
    .addHelpText('after', '\nExample:\n  $ npx holdfast client 3f0c8f5e-7a54-4c7e-9d8e-0c9f2d1f6a11')
    .action(async (named: string, _options: object, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const clientId = await managedClientNamed(invocation, named);
      const client = await (await invocation.rest()).getClient(clientId);
      invocation.print(client, describe(client));
    });
}

function describe(client: ClientDetails): string[] {
  const { clientId, ref, name, key, registeredAt, topics, connected, edge, since, served } = client;
  const connection = connected ? `to ${edge ?? 'an edge'} since ${since ?? 'an unknown time'}` : 'no';
  const lines = topics.map((topic) => {
    const position = served?.[topic]?.position;
    if (position !== undefined) return `${topic}, served up to ${position}`;
    return served === null ? topic : `${topic}, not served yet`;
  });
  return [
    ...(clientId === undefined ? [] : [`Client      ${clientId}`]),
    `Ref         ${ref}`,
    `Name        ${name ?? 'none'}`,
    `Key         ${key}`,
    `Registered  ${registeredAt}`,
    `Connected   ${connection}`,
    ...identityOf(client),
    `Topics      ${lines.join('\n            ') || 'none'}`,
  ]
    .flatMap((entry) => entry.split('\n'))
    .map(printable);
}

/** What a client has that says whose it is, and what it may; nothing of one that has none of it. */
function identityOf({ user, info, may, expiresAt, clientExpirySeconds }: ClientDetails): string[] {
  return [
    ...(user === null ? [] : [`User        ${user}`]),
    ...(info === null ? [] : [`Info        ${JSON.stringify(info)}`]),
    ...(may === null ? [] : [`May         ${JSON.stringify(may)}`]),
    ...(expiresAt === null ? [] : [`Authorized  until ${expiresAt}`]),
    ...(clientExpirySeconds === null ? [] : [`Forgotten   after ${clientExpirySeconds} s without a connection`]),
  ];
}
