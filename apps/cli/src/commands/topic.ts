import type { Topic, TopicDetails, TopicOptions } from '@holdfast/client/rest';
import { MAX_PAGE } from '@holdfast/protocol/limits';
import { type Command, Option } from 'commander';
import { invocationOf } from '../invocation.ts';
import { secondsOrNever, wholeNumber } from '../arguments.ts';
import { CliError, exitCodes } from '../errors.ts';
import { table } from '../output.ts';
import type { Terminal } from '../terminal.ts';

interface CreateOptions {
  historySize?: number;
  historySeconds?: number;
  expire?: number | 'never';
  presence?: 'user' | 'client' | 'none';
  presenceShow?: 'members' | 'count';
  presenceLimit?: number;
  presenceGrace?: number;
}

/** `topic create|list|show|delete`. */
export function addTopicCommands(program: Command, terminal: Terminal): void {
  const topic = program.command('topic').description('create, list, show and delete topics');

  topic
    .command('create')
    .description('create a topic, or give one that is there these settings')
    .argument('<topic>', 'segments of letters, digits, _ and - joined by dots')
    .option('--history-size <messages>', 'how many messages it keeps', wholeNumber)
    .option('--history-seconds <seconds>', 'for how long it keeps them', wholeNumber)
    .option(
      '--expire <time>',
      'deleted when for so long nothing was published and no client was connected: 30s, 15m, 1h, 7d; "never" to take it back',
      secondsOrNever,
    )
    .addOption(
      new Option('--presence <by>', 'who counts as present: each user, or each client; "none" to take it back').choices(
        ['user', 'client', 'none'],
      ),
    )
    .addOption(new Option('--presence-show <what>', 'who is present, or only how many').choices(['members', 'count']))
    .option('--presence-limit <members>', 'with more members only their number is sent', wholeNumber)
    .option('--presence-grace <seconds>', 'who is back within so many seconds had not left', wholeNumber)
    .addHelpText(
      'after',
      '\nExamples:\n  $ npx holdfast topic create news.sport --history-size 5000' +
        '\n  $ npx holdfast topic create room.1 --expire 1h --presence user --presence-show count',
    )
    .action(async (name: string, options: CreateOptions, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const { historySize: size, historySeconds: seconds, expire } = options;
      const expireSeconds = expire === 'never' ? null : expire;
      const settings = { history: { size, seconds }, expireSeconds, presence: presenceOf(options) };
      const created = await (await invocation.rest()).createTopic(name, settings);
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
    .command('show')
    .description('show one topic: its settings, its last message, how many connected clients receive it')
    .argument('<topic>')
    .addHelpText('after', '\nExample:\n  $ npx holdfast topic show news.sport')
    .action(async (name: string, _options: object, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const details = await (await invocation.rest()).getTopic(name);
      invocation.print(details, describe(details));
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

function presenceOf(options: CreateOptions): TopicOptions['presence'] {
  const { presence: by, presenceShow: show, presenceLimit: limit, presenceGrace: graceSeconds } = options;
  const hasSettings = show !== undefined || limit !== undefined || graceSeconds !== undefined;
  if (by !== 'user' && by !== 'client') {
    if (hasSettings) {
      throw new CliError(
        exitCodes.usage,
        'presence-without-members',
        'Settings of presence need --presence user or --presence client.',
      );
    }
    return by === 'none' ? null : undefined;
  }
  return Object.fromEntries(
    Object.entries({ by, show, limit, graceSeconds }).filter(([, value]) => value !== undefined),
  );
}

function describe({ topic, history, position, expireSeconds, presence, subscribers, present }: TopicDetails): string[] {
  const members = presence && (presence.show === 'count' ? 'shown as a number' : `shown up to ${presence.limit}`);
  const by = presence && `by ${presence.by}, ${members}, back within ${presence.graceSeconds} s is no change`;
  return [
    `Topic        ${topic}`,
    `Keeps        ${history.size} messages, each for ${history.seconds} s`,
    `Position     ${position}`,
    `Expires      ${expireSeconds === null ? 'never' : `after ${expireSeconds} s without a message and a connected client`}`,
    `Presence     ${by ?? 'none'}`,
    ...(presence === null ? [] : [`Present      ${present ?? 'not known'}`]),
    `Subscribers  ${subscribers === null ? 'not known: an edge did not answer in time' : `${subscribers} connected`}`,
  ];
}

function keeps({ history: { size, seconds }, expireSeconds, presence }: Topic): string {
  const parts = [
    `${size} messages`,
    `${seconds} s`,
    ...(typeof expireSeconds === 'number' ? [`expires after ${expireSeconds} s`] : []),
    ...(presence?.by === undefined ? [] : [`presence by ${presence.by}`]),
  ];
  return parts.join(', ');
}
