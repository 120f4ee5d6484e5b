import type { Command } from 'commander';
import { invocationOf } from '../invocation.ts';
import { rememberedClients, registerClient } from '../remembered-clients.ts';
import { commaList, jsonValue } from '../arguments.ts';
import { CLIENT_ARGUMENT, managedClientNamed } from '../names/client-name.ts';
import { printable } from '../output.ts';
import type { Terminal } from '../terminal.ts';

interface RegisterOptions {
  name?: string;
  topics?: string[];
  clientId?: string;
  user?: string;
  info?: unknown;
}

/** `register` and `unregister`. */
export function addRegistrationCommands(program: Command, terminal: Terminal): void {
  program
    .command('register')
    .description('register a client; its id is its credential')
    .option('--name <name>', 'unique within the API key')
    .option('--topics <topics>', 'subscribe it to these', commaList)
    .option('--client-id <uuid>', 'a version 4 UUID of your own')
    .option('--user <user>', 'whose client it is; public')
    .option('--info <json>', 'what others see of it, as on topics with presence', jsonValue)
    .addHelpText('after', '\nExample:\n  $ npx holdfast register --name me --topics news.sport,news.weather')
    .action(async (options: RegisterOptions, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const registration = await registerClient(invocation, options);
      const { clientId, topics, connect } = registration;
      invocation.print(registration, [
        `Client   ${terminal.colors.bold(clientId)}`,
        `Topics   ${topics.join(', ') || 'none'}`,
        `Connect  ${connect.urls.map(printable).join(', ') || 'no edge is alive'}`,
        `Listen   npx holdfast listen ${clientId}`,
      ]);
    });

  program
    .command('unregister')
    .description('remove a client, its subscriptions and its connection')
    .argument('<client>', CLIENT_ARGUMENT)
    .addHelpText('after', '\nExample:\n  $ npx holdfast unregister 3f0c8f5e-7a54-4c7e-9d8e-0c9f2d1f6a11')
    .action(async (client: string, _options: object, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const clientId = await managedClientNamed(invocation, client);
      const answer = await (await invocation.rest()).unregister(clientId);
      if (answer.clientId !== undefined) await rememberedClients(invocation).forget(answer.clientId);
      invocation.print(answer, [`Client ${answer.clientId ?? clientId} is not registered any more.`]);
    });
}
