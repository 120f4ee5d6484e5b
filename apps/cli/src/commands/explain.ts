import type { Explanation } from '@holdfast/client/rest';
import type { Command } from 'commander';
import { CLIENT_ARGUMENT, managedClientNamed } from '../names/client-name.ts';
import { invocationOf } from '../invocation.ts';
import { printable, table } from '../output.ts';
import type { Terminal } from '../terminal.ts';

/** `explain`. */
export function addExplainCommand(program: Command, terminal: Terminal): void {
  program
    .command('explain')
    .description('show why a client got a message, or did not')
    .argument('<client>', CLIENT_ARGUMENT)
    .argument('<topic>', 'a topic; @me and @user for messages to the client, or to its user')
    .argument('<id>', 'the id of the message, from the answer to its publish')
    .addHelpText('after', '\nExample:\n  $ npx holdfast explain phone news.sport 1732345678901-0')
    .action(async (named: string, topic: string, id: string, _options: object, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const client = await managedClientNamed(invocation, named);
      const explanation = await (await invocation.rest()).explain(client, topic, id);
      invocation.print(explanation, describe(explanation));
    });
}

function describe({ verdict, evidence }: Explanation): string[] {
  const rows = evidence.map(({ at, source, text }) => [at ?? '', source, printable(text)]);
  return [verdict, '', ...table(['AT', 'FROM', 'WHAT'], rows)];
}
