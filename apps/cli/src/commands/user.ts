import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import { messageOf } from '../arguments.ts';
import { invocationOf } from '../invocation.ts';
import { counted, printable } from '../output.ts';
import type { Terminal } from '../terminal.ts';

interface RevokeOptions {
  issuedBefore?: Date;
}

interface PublishOptions {
  text?: true;
  idempotencyKey?: string;
}

/** `user`, and `user disconnect|revoke|publish`. */
export function addUserCommands(program: Command, terminal: Terminal): void {
  const user = program.command('user').description('look at a user, end its connections or tokens, publish to it');

  user
    .command('show', { isDefault: true })
    .description('whether a user is connected, and with how many clients')
    .argument('<user>')
    .addHelpText('after', '\nExamples:\n  $ npx holdfast user ann\n  $ npx holdfast user show ann')
    .action(async (name: string, _options: object, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const answer = await (await invocation.rest()).getUser(name);
      const { connected, clients, connections } = answer;
      invocation.print(answer, [
        `User         ${printable(answer.user)}`,
        `Connected    ${connected ? 'yes' : 'no'}`,
        `Clients      ${clients}`,
        `Connections  ${connections}`,
      ]);
    });

  user
    .command('disconnect')
    .description('close the connections of a user; its clients stay registered')
    .argument('<user>')
    .addHelpText('after', '\nExample:\n  $ npx holdfast user disconnect ann')
    .action(async (name: string, _options: object, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const answer = await (await invocation.rest()).disconnectUser(name);
      const { connections, clients } = answer;
      invocation.print(answer, [
        `Closing ${counted(connections, 'connection')} of ${counted(clients, 'client')} of ${printable(name)}.`,
      ]);
    });

  user
    .command('revoke')
    .description('refuse the tokens of a user that were issued so far, and end their connections')
    .argument('<user>')
    .option('--issued-before <time>', 'only tokens that are older', pastTime)
    .addHelpText('after', '\nExample:\n  $ npx holdfast user revoke ann')
    .action(async (name: string, { issuedBefore }: RevokeOptions, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const answer = await (await invocation.rest()).revokeUser(name, { issuedBefore });
      invocation.print(answer, [
        `Tokens of ${printable(name)} are revoked; it ended ${counted(answer.clients, 'client')} of them.`,
      ]);
    });

  user
    .command('publish')
    .description('publish a message to all connections of a user; it arrives as topic @user')
    .argument('<user>')
    .argument('[json]', 'the message; read from standard input when it is left out')
    .option('--text', 'the message is text: publish it as a string')
    .option('--idempotency-key <key>', 'the same key within five minutes publishes nothing and gives the same id')
    .addHelpText('after', '\nExample:\n  $ npx holdfast user publish ann \'{"mail":1}\'')
    .action(async (name: string, message: string | undefined, options: PublishOptions, command: Command) => {
      const { text = false, idempotencyKey } = options;
      const data = await messageOf(terminal, message, text);
      const invocation = invocationOf(command, terminal);
      const answer = await (await invocation.rest()).publishToUser(name, data, { raw: true, idempotencyKey });
      invocation.print(answer, [`${answer.topic} ${answer.id}`]);
    });
}

function pastTime(text: string): Date {
  const time = new Date(text);
  if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(time.getTime())) {
    throw new InvalidArgumentError('A time such as 2030-01-31 or 2030-01-31T12:00:00Z is needed.');
  }
  return time;
}
