import { HoldfastError } from '@holdfast/client/holdfast-error';
import { KeysFileError } from '@holdfast/keys-file/errors';
import { type CreatedKey, type ModeChange, type NewKey, createKey } from '@holdfast/keys-file/keys-file';
import { type Command, Option } from 'commander';
import { commaList, futureTime, wholeNumber } from '../../arguments.ts';
import { operatorCalls } from '../../calls.ts';
import { CliError, exitCodes, failureOf } from '../../errors.ts';
import { type Invocation, invocationOf } from '../../invocation.ts';
import type { Terminal } from '../../terminal.ts';
import { TOKEN_ALGORITHMS } from '../../token-keys.ts';
import { FILE_OPTION, type KeysPlace, effectLine, keysPlace, placeAnswer, placeName } from './place.ts';
import { type NewApp, appLines, newApp } from './pusher-app.ts';
import { makeTokens } from './tokens.ts';
import { isInForce } from './usage.ts';

const GROUP_MAY_READ = 0o040;

interface CreateOptions {
  id: string;
  file?: string;
  register?: true;
  subscribe?: string[];
  publish?: string[];
  manage?: string[];
  create?: string[];
  presence?: string[];
  /** True for the default. */
  tokens?: string | true;
  keyFile?: string;
  pusher?: true;
  clientEvents?: true;
  maxClients?: number;
  maxTopics?: number;
  maxHistoryMessages?: number;
  expiresAt?: string;
}

/** `key create`. */
export function addKeyCreateCommand(key: Command, terminal: Terminal): void {
  key
    .command('create')
    .description('make a key; its secret is shown once')
    .requiredOption('--id <id>', 'the public half of the key, may appear in logs')
    .option('--register', 'may register clients')
    .option(
      '--subscribe <patterns>',
      'may subscribe its clients to these topics ("*": one segment, "**": any rest)',
      commaList,
    )
    .option(
      '--publish <patterns>',
      'may publish to these topics; @clients: to single clients, @users: to users',
      commaList,
    )
    .option('--manage <patterns>', 'may create and delete these topics, and look at clients and edges', commaList)
    .option('--create <patterns>', 'topics that are made when they are first used', commaList)
    .option(
      '--presence <patterns>',
      'may see who is present on these topics; @users: whether users are connected',
      commaList,
    )
    .addOption(
      new Option('--tokens [algorithm]', 'browsers register themselves with tokens; a private key for them is made')
        .choices(TOKEN_ALGORITHMS)
        .preset(TOKEN_ALGORITHMS[0]),
    )
    .option('--key-file <path>', 'where the private key for tokens goes; otherwise it is shown, once')
    .option('--pusher', 'makes it an app for Pusher libraries, with a secret that the keys file has in plain text')
    .option('--client-events', 'clients of the app may send events to each other')
    .option('--max-clients <number>', 'how many clients it may have registered', wholeNumber)
    .option('--max-topics <number>', 'how many topics it may have made', wholeNumber)
    .option('--max-history-messages <number>', 'how many messages the histories of its topics may hold', wholeNumber)
    .option('--expires-at <time>', 'when it ends, as 2030-01-31 or 2030-01-31T12:00:00Z', futureTime)
    .option(...FILE_OPTION)
    .addHelpText(
      'after',
      "\nExamples:\n  $ npx holdfast key create --id mobile --register --subscribe 'news.*'" +
        "\n  $ npx holdfast key create --id web --subscribe 'user.{user}.**' --tokens --key-file web.jwk.json" +
        '\n  $ npx holdfast key create --id laravel --pusher --client-events' +
        "\n  $ npx holdfast key create --id jobs --publish '**' --control https://push.example.com --key admin.…" +
        '\n\nWith --json the field "key" is what HOLDFAST_KEY and the header X-API-Key take.',
    )
    .action(async (options: CreateOptions, command: Command) => {
      const { id } = options;
      const invocation = invocationOf(command, terminal);
      const app = newApp(options);
      const wanted = wantedKey(options, app);
      const place = await keysPlace(invocation, command, options.file);
      const tokens = await makeTokens(id, options.tokens, options.keyFile);
      let made: Awaited<ReturnType<typeof created>>;
      try {
        made = await created(invocation, place, {
          ...wanted,
          ...(tokens.settings && { tokens: tokens.settings }),
        });
      } catch (error) {
        if (!mayBeDone(error)) {
          await tokens.discard();
          throw error;
        }
        const { exitCode: usual, lines, json } = failureOf(error);
        const exitCode = terminal.interrupted.aborted ? exitCodes.interrupted : usual;
        const message = [...lines, ...unknownLines(id, options.keyFile)].join('\n');
        throw new CliError(exitCode, String(json['code']), message, { cause: error });
      }
      const { presented, modeChange } = made;
      const readBy = place.kind === 'file' ? place.readBy : null;
      const isKnown = readBy !== null && (await isInForce(readBy, presented, terminal.interrupted));
      const { bold } = terminal.colors;
      const { appId, key: appKey, secret } = app ?? {};
      const answer = {
        ...tokens.answer,
        ...(app && { pusher: { appId, key: appKey, secret } }),
        ...(modeChange && { fileMode: { before: modeText(modeChange.before), after: modeText(modeChange.after) } }),
        ...placeAnswer(place),
      };
      invocation.print({ id, key: presented, ...answer }, [
        `Key "${id}" is in ${placeName(place)} now. Its secret is shown this once:`,
        '',
        `  ${bold(presented)}`,
        '',
        'To use it:',
        '',
        `  export HOLDFAST_KEY=${presented}`,
        '',
        ...tokens.lines,
        ...(app === undefined ? [] : appLines(app, place)),
        ...modeLines(modeChange, place),
        isKnown ? `The control-api at ${readBy} reads this file, and knows the key already.` : effectLine(place),
      ]);
    });
}

/** Whether the key may have been made although its call failed: no answer came, or one that says nothing of it. */
function mayBeDone(error: unknown): boolean {
  if (error instanceof HoldfastError) {
    if (error.status !== undefined) return error.status >= 500 || error.status < 400;
    return !NOT_CONNECTED.has(systemCodeOf(error));
  }
  // An interrupted call rejects with the reason of its signal.
  return !(error instanceof CliError || error instanceof KeysFileError);
}

/** Nothing was sent. */
const NOT_CONNECTED: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
]);

/** `ECONNREFUSED` and the like, which is a cause of what `fetch` throws; empty when there is none. */
function systemCodeOf(error: Error): string {
  if ('code' in error && 'syscall' in error) return String(error.code);
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return systemCodeOf(error.errors[0]);
  return error.cause instanceof Error ? systemCodeOf(error.cause) : '';
}

function unknownLines(id: string, keyFile: string | undefined): string[] {
  return [
    `It is not known whether key "${id}" was made: "npx holdfast keys" shows it then. Its secret is lost: revoke it, and make it again.`,
    ...(keyFile === undefined ? [] : [`The private key for its tokens stays in ${keyFile}: remove that file first.`]),
  ];
}

/** The key as `<id>.<secret>`, and what became of the permissions of a file that was changed here. */
async function created(
  invocation: Invocation,
  place: KeysPlace,
  key: NewKey,
): Promise<Pick<CreatedKey, 'presented' | 'modeChange'>> {
  if (place.kind === 'file') return createKey(place.file, key);
  return { presented: (await operatorCalls(invocation).createKey(key)).key, modeChange: null };
}

function modeLines(change: ModeChange | null, place: KeysPlace): string[] {
  if (change === null) return [];
  const { before, after } = change;
  const readers = (after & GROUP_MAY_READ) === 0 ? 'its owner' : 'its owner and its group';
  return [
    `The mode of ${placeName(place)} was ${modeText(before)} and is ${modeText(after)} now: only ${readers} can read it. A control-api`,
    'that runs as another user can no longer: give it the file (chown), or a group that it is in (chgrp, chmod 640).',
    '',
  ];
}

function modeText(mode: number): string {
  return mode.toString(8).padStart(3, '0');
}

function wantedKey(options: CreateOptions, app: NewApp | undefined): NewKey {
  const { id, register = false, subscribe = [], publish = [], manage = [], create = [], presence = [] } = options;
  const { maxClients = null, maxTopics = null, maxHistoryMessages = null, expiresAt = null } = options;
  const can = { register, subscribe, publish, manage, create, presence };
  const hasRight = register || Object.values(can).some((granted) => Array.isArray(granted) && granted.length > 0);
  if (!hasRight && options.tokens === undefined && app === undefined) {
    throw new CliError(
      exitCodes.usage,
      'key-without-rights',
      'This key could do nothing: give it at least one of --register, --subscribe, --publish, --manage, --create, ' +
        '--presence, --tokens and --pusher.',
    );
  }
  return { id, maxClients, maxTopics, maxHistoryMessages, expiresAt, can, ...(app && { pusher: app }) };
}
