import type { ClientTopics } from '@holdfast/client/rest';
import type { Command } from 'commander';
import { type Invocation, invocationOf } from '../invocation.ts';
import { commaList } from '../arguments.ts';
import { CLIENT_ARGUMENT, clientNamed } from '../names/client-name.ts';
import type { Terminal } from '../terminal.ts';

/** `subscribe` and `unsubscribe`. */
export function addSubscriptionCommands(program: Command, terminal: Terminal): void {
  program
    .command('subscribe')
    .description('subscribe a client to topics: to all of them or, when one is refused, to none')
    .argument('<client>', CLIENT_ARGUMENT)
    .argument('<topics...>', 'separated by commas or spaces', commaList)
    .addHelpText(
      'after',
      '\nExample:\n  $ npx holdfast subscribe 3f0c8f5e-7a54-4c7e-9d8e-0c9f2d1f6a11 news.sport,news.weather',
    )
    .action(async (client: string, topics: string[], _options: object, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const clientId = await clientNamed(invocation, client);
      print(invocation, await (await invocation.rest()).subscribe(clientId, topics));
    });

  program
    .command('unsubscribe')
    .description('take topics from a client')
    .argument('<client>', CLIENT_ARGUMENT)
    .argument('<topics...>', 'separated by commas or spaces', commaList)
    .addHelpText('after', '\nExample:\n  $ npx holdfast unsubscribe 3f0c8f5e-7a54-4c7e-9d8e-0c9f2d1f6a11 news.weather')
    .action(async (client: string, topics: string[], _options: object, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const clientId = await clientNamed(invocation, client);
      print(invocation, await (await invocation.rest()).unsubscribe(clientId, topics));
    });
}

function print(invocation: Invocation, answer: ClientTopics): void {
  const { topics, connected } = answer;
  const now = topics.length === 0 ? 'no topics' : topics.join(', ');
  invocation.print(answer, [`It has ${now} now, and is ${connected ? '' : 'not '}connected.`]);
}
