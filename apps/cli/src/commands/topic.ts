import type { Topic } from '@holdfast/client/rest';
import { MAX_PAGE } from '@holdfast/protocol/limits';
import type { Command } from 'commander';
import { invocationOf } from '../invocation.ts';
import { wholeNumber } from '../arguments.ts';
import { table } from '../output.ts';
import type { Terminal } from '../terminal.ts';

interface CreateOptions {
  historySize?: number;
  historySeconds?: number;
}

/** `topic create|list|delete`. */
export function addTopicCommands(program: Command, terminal: Terminal): void {
  const topic = program.command('topic').description('create, list and delete topics');

  topic
    .command('create')
    .description('create a topic, or give one that is there these settings')
    .argument('<topic>', 'segments of letters, digits, _ and - joined by dots')
    .option('--history-size <messages>', 'how many messages it keeps', wholeNumber)
    .option('--history-seconds <seconds>', 'for how long it keeps them', wholeNumber)
    .addHelpText('after', '\nExample:\n  $ npx holdfast topic create news.sport --history-size 5000')
    .action(async (name: string, { historySize: size, historySeconds: seconds }: CreateOptions, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const created = await (await invocation.rest()).createTopic(name, { history: { size, seconds } });
      invocation.print(created, [`Topic ${created.topic} is there and keeps ${keeps(created)}.`]);
    });

  topic
    .command('list')
    .description('list all topics')
    .addHelpText('after', '\nExample:\n  $ npx holdfast topic list --json')
    .action(async (_options: object, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const rest = await invocation.rest();
      const topics: Topic[] = [];
      let cursor: string | null = null;
      do {
        const page = await rest.topics({ cursor, limit: MAX_PAGE });
        topics.push(...page.topics);
        ({ cursor } = page);
      } while (cursor !== null);
      const rows = topics.map((each) => [each.topic, keeps(each), each.position]);
      invocation.print({ topics }, table(['TOPIC', 'KEEPS', 'LAST POSITION'], rows));
    });

  topic
    .command('delete')
    .description('delete a topic, with its history and all subscriptions to it')
    .argument('<topic>')
    .addHelpText('after', '\nExample:\n  $ npx holdfast topic delete news.sport')
    .action(async (name: string, _options: object, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const deleted = await (await invocation.rest()).deleteTopic(name);
      invocation.print(deleted, [`Topic ${deleted.topic} is gone.`]);
    });
}

function keeps({ history: { size, seconds } }: Topic): string {
  return `${size} messages, ${seconds} s`;
}
