import type { Topic, TopicOptions } from '@holdfast/client/rest';
import { MAX_PAGE } from '@holdfast/protocol/limits';
import { type Command, Option } from 'commander';
import { invocationOf } from '../invocation.ts';
import { wholeNumber } from '../arguments.ts';
import { table } from '../output.ts';
import type { Terminal } from '../terminal.ts';

interface CreateOptions {
  historySize?: number;
  historySeconds?: number;
  expireSeconds?: number;
  presence?: 'user' | 'client' | 'off';
  presenceShow?: 'members' | 'count';
  presenceLimit?: number;
  presenceGrace?: number;
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
    .option('--expire-seconds <seconds>', 'delete it when for so long it was not used', wholeNumber)
    .addOption(
      new Option('--presence <by>', 'show who is there, by user or by client').choices(['user', 'client', 'off']),
    )
    .addOption(new Option('--presence-show <what>', 'who is there, or only how many').choices(['members', 'count']))
    .option('--presence-limit <members>', 'with more, show only how many', wholeNumber)
    .option('--presence-grace <seconds>', 'who is back within so long had not left', wholeNumber)
    .addHelpText('after', '\nExample:\n  $ npx holdfast topic create news.sport --history-size 5000')
    .action(async (name: string, options: CreateOptions, command: Command) => {
      const { historySize: size, historySeconds: seconds, expireSeconds } = options;
      const invocation = invocationOf(command, terminal);
      const settings = { history: { size, seconds }, expireSeconds, presence: presenceOf(options) };
      const created = await (await invocation.rest()).createTopic(name, settings);
      invocation.print(created, [
        `Topic ${created.topic} is there and keeps ${keeps(created)}.`,
        ...(created.expireSeconds === null ? [] : [`It ends after ${expires(created)} without use.`]),
        ...(created.presence === null ? [] : [`Its presence is by ${presenceText(created)}.`]),
      ]);
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
      const rows = topics.map((each) => [each.topic, keeps(each), expires(each), presenceText(each), each.position]);
      invocation.print({ topics }, table(['TOPIC', 'KEEPS', 'ENDS', 'PRESENCE', 'LAST POSITION'], rows));
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

function expires({ expireSeconds }: Topic): string {
  return expireSeconds === null ? '' : `${expireSeconds} s`;
}

function presenceText({ presence }: Topic): string {
  if (presence === null) return '';
  return `${presence.by}, ${presence.show} up to ${presence.limit}`;
}

/** Undefined where no option says something of presence: it stays as it is. */
function presenceOf(options: CreateOptions): TopicOptions['presence'] {
  const { presence: by, presenceShow: show, presenceLimit: limit, presenceGrace: graceSeconds } = options;
  if (by === 'off') return null;
  const isNamed = [by, show, limit, graceSeconds].some((value) => value !== undefined);
  return isNamed ? { by, show, limit, graceSeconds } : undefined;
}
