import type { Command } from 'commander';
import { invocationOf } from '../invocation.ts';
import { CLIENT_ARGUMENT, managedClientNamed } from '../names/client-name.ts';
import { printable } from '../output.ts';
import type { Terminal } from '../terminal.ts';

/** `disconnect`. */
export function addDisconnectCommand(program: Command, terminal: Terminal): void {
  program
    .command('disconnect')
    .description('close the connection of a client, which does not come back by itself; it stays registered')
    .argument('<client>', CLIENT_ARGUMENT)
    .addHelpText(
      'after',
      '\nExample:\n  $ npx holdfast disconnect phone' +
        '\n\nThe connection is closed with 4403. To have a client reconnect elsewhere, drain its edge: "edge drain".',
    )
    .action(async (named: string, _options: object, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const client = await managedClientNamed(invocation, named);
      const answer = await (await invocation.rest()).disconnect(client);
      const name = printable(named);
      invocation.print(answer, [
        answer.connected
          ? `The connection of ${name} is being closed; the client stays registered.`
          : `${name} has no connection; the client stays registered.`,
      ]);
    });
}
