import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HoldfastError } from '@holdfast/client/holdfast-error';
import type { ClientPage, Rest } from '@holdfast/client/rest';
import { listKeys, revokeKey } from '@holdfast/keys-file/keys-file';
import { MAX_PAGE } from '@holdfast/protocol/limits';
import { type Command, Option } from 'commander';
import { commaList, futureTime, wholeNumber } from '../arguments.ts';
import { readSettings } from '../config.ts';
import { CliError, exitCodes } from '../errors.ts';
import { type Invocation, invocationOf } from '../invocation.ts';
import { table } from '../output.ts';
import type { Terminal } from '../terminal.ts';
import { TOKEN_ALGORITHMS } from '../token-keys.ts';
import { createWithTokens } from './create-with-tokens.ts';

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
  maxClients?: number;
  maxTopics?: number;
  maxHistoryMessages?: number;
  expiresAt?: string;
}

interface RevokeOptions {
  id?: string;
  clients?: true;
  file?: string;
}

const KEYS_FILE = 'api-keys.json';

/** For `--help`, in the order of the choice. */
const KEYS_FILE_HELP =
  'the keys file; otherwise API_KEYS_FILE, the one that a running npm start reads, or ./api-keys.json';

const FILE_OPTION = ['--file <path>', KEYS_FILE_HELP] as const;

/** `key create|list|revoke`: the file of pre-defined keys, which a running control-api reads again when it changes. */
export function addKeyCommands(program: Command, terminal: Terminal): void {
  const key = program
    .command('key')
    .description('make, list and revoke API keys in the keys file that control-api reads');

  key
    .command('create')
    .description('make a key; its secret is shown once, the file holds only the hash')
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
    .option('--max-clients <number>', 'how many clients it may have registered', wholeNumber)
    .option('--max-topics <number>', 'how many topics it may have made', wholeNumber)
    .option('--max-history-messages <number>', 'how many messages the histories of its topics may hold', wholeNumber)
    .option('--expires-at <time>', 'when it ends, as 2030-01-31 or 2030-01-31T12:00:00Z', futureTime)
    .option(...FILE_OPTION)
    .addHelpText(
      'after',
      "\nExamples:\n  $ npx holdfast key create --id mobile --register --subscribe 'news.*'" +
        "\n  $ npx holdfast key create --id web --subscribe 'user.{user}.**' --tokens --key-file web.jwk.json",
    )
    .action(async (options: CreateOptions, command: Command) => {
      const { id, register = false, subscribe = [], publish = [], manage = [], expiresAt = null } = options;
      const { maxClients = null, maxTopics = null, maxHistoryMessages = null } = options;
      const { create = [], presence = [], tokens: algorithm } = options;
      const can = { register, subscribe, publish, manage, create, presence };
      const hasRight = register || Object.values(can).some((granted) => Array.isArray(granted) && granted.length > 0);
      if (!hasRight && algorithm === undefined) {
        throw new CliError(
          exitCodes.usage,
          'key-without-rights',
          'This key could do nothing: give it at least one of --register, --subscribe, --publish, --manage and --tokens.',
        );
      }
      const chosen = await chosenKeysFile(options.file, terminal);
      const { file } = chosen;
      const limits = { maxClients, maxTopics, maxHistoryMessages, expiresAt };
      const { created, shown, lines } = await createWithTokens(
        file,
        { id, ...limits, can },
        algorithm,
        options.keyFile,
      );
      const { bold } = terminal.colors;
      invocationOf(command, terminal).print({ ...created, ...shown, ...chosen }, [
        `Key "${id}" is in ${file} now. Its secret is shown this once:`,
        '',
        `  ${bold(created.presented)}`,
        '',
        'To use it:',
        '',
        `  export HOLDFAST_KEY=${created.presented}`,
        '',
        ...lines,
        effectLine(chosen),
      ]);
    });

  key
    .command('list')
    .description('list the keys of the file, without secrets: those are not in it')
    .option(...FILE_OPTION)
    .addHelpText('after', '\nExample:\n  $ npx holdfast key list --file /etc/holdfast/api-keys.json')
    .action(async (options: { file?: string }, command: Command) => {
      const chosen = await chosenKeysFile(options.file, terminal);
      const keys = await listKeys(chosen.file);
      const rows = keys.map(({ id, can, tokens, maxClients, expiresAt }) => [
        id,
        [rightsOf(can), ...(tokens === undefined ? [] : [`tokens ${tokens.alg}`])].filter(Boolean).join('; '),
        maxClients === null ? 'any number' : String(maxClients),
        expiresAt === null ? 'never' : expiresAt,
      ]);
      const shown = keys.map(({ id, can, tokens, maxClients, expiresAt }) => ({
        id,
        can,
        ...(tokens === undefined ? {} : { tokens: { alg: tokens.alg } }),
        maxClients,
        expiresAt,
      }));
      invocationOf(command, terminal).print({ keys: shown, ...chosen }, [
        ...table(['KEY', 'MAY', 'CLIENTS', 'EXPIRES'], rows),
        '',
        `In ${chosen.file}. ${effectLine(chosen)}`,
      ]);
    });

  key
    .command('revoke')
    .description('take a key out of the file')
    .argument('[id]', 'the public half of the key')
    .option('--id <id>', 'the same')
    .option('--clients', 'unregister its clients as well; the calls are made with another key that has manage "**"')
    .option(...FILE_OPTION)
    .addHelpText('after', '\nExample:\n  $ npx holdfast key revoke --id mobile --clients')
    .action(async (given: string | undefined, options: RevokeOptions, command: Command) => {
      const id = oneId(given, options.id);
      const invocation = invocationOf(command, terminal);
      const chosen = await chosenKeysFile(options.file, terminal);
      const rest = options.clients ? await otherKeysRest(invocation, id) : null;
      await revokeKey(chosen.file, id);
      const lines = [`Key "${id}" is no longer in ${chosen.file}.`, effectLine(chosen)];
      if (rest === null) {
        invocation.print({ id, ...chosen }, lines);
        return;
      }
      const clients = await unregisterClientsOf(rest, id, terminal.interrupted);
      invocation.print({ id, ...chosen, clients }, [...lines, `Its clients are unregistered: ${clients}.`]);
    });
}

function oneId(argument: string | undefined, option: string | undefined): string {
  const id = argument ?? option;
  if (id !== undefined && (argument === undefined || option === undefined || argument === option)) return id;
  throw new CliError(exitCodes.usage, 'key-id', 'Name the key once: npx holdfast key revoke --id mobile');
}

/** The calls of a key that may list clients, and is not the one that is about to be revoked. */
async function otherKeysRest(invocation: Invocation, id: string): Promise<Rest> {
  const { key = '' } = await invocation.target();
  if (key.startsWith(`${id}.`)) {
    const message = `--clients needs another key than "${id}", with manage "**": give it with --key or HOLDFAST_KEY.`;
    throw new CliError(exitCodes.usage, 'key-revokes-itself', message);
  }
  const rest = await invocation.rest();
  // Refused now, and not when the key is gone and its clients are not.
  await rest.clients({ limit: 1 });
  return rest;
}

function rightsOf({ register, ...patterns }: { register: boolean } & Record<string, boolean | string[]>): string {
  const rights = Object.entries(patterns).flatMap(([right, granted]) =>
    Array.isArray(granted) && granted.length > 0 ? [`${right} ${granted.join(',')}`] : [],
  );
  return [...(register ? ['register'] : []), ...rights].join('; ');
}

interface ChosenKeysFile {
  /** Absolute. */
  file: string;
  /** Where the control-api of npm start answers that reads this file, and reads it again when it changes; null: none does. */
  readBy: string | null;
}

/** The file that the `key` commands work on: the one that was named, else the one that a running installation reads. */
async function chosenKeysFile(given: string | undefined, terminal: Terminal): Promise<ChosenKeysFile> {
  const installation = await terminal.installation();
  const named = given ?? readSettings(terminal.environment).keysFile;
  const file = resolve(named ?? installation?.keysFile ?? KEYS_FILE);
  const isRead = installation !== null && resolve(installation.keysFile) === file;
  return { file, readBy: isRead ? installation.controlUrl : null };
}

/** What a person does to have a change of this file take effect. */
function effectLine({ file, readBy }: ChosenKeysFile): string {
  return readBy === null
    ? `A control-api started with API_KEYS_FILE=${file} reads this file, and reads it again by itself when it changes.`
    : `The control-api at ${readBy} reads this file, and reads it again by itself when it changes.`;
}

/** By then every control-api has read a changed keys file: it polls every 5 s where events do not come. */
const RELOADED_MS = 6_000;
/** More calls at a time would only wait in control-api. */
const MAX_CONCURRENT = 8;

/**
 * Unregisters every client of a key that was taken out of the keys file just now, and those that a control-api with the
 * old file still registers with it.
 * @returns how many there were
 */
async function unregisterClientsOf(rest: Rest, keyId: string, interrupted: AbortSignal): Promise<number> {
  const reloadedAt = performance.now() + RELOADED_MS;
  let count = await unregisterListed(rest, keyId);
  await delay(Math.max(0, reloadedAt - performance.now()), undefined, { signal: interrupted });
  for (let found = -1; found !== 0; count += found) found = await unregisterListed(rest, keyId);
  return count;
}

async function unregisterListed(rest: Rest, keyId: string): Promise<number> {
  let count = 0;
  let cursor: string | null = null;
  do {
    const page: ClientPage = await rest.clients({ cursor, limit: MAX_PAGE });
    const refs = page.clients.flatMap(({ key, ref }) => (key === keyId ? [ref] : []));
    const unregisterNext = async (): Promise<void> => {
      for (let ref = refs.pop(); ref !== undefined; ref = refs.pop()) if (await unregister(rest, ref)) count += 1;
    };
    await Promise.all(Array.from({ length: MAX_CONCURRENT }, unregisterNext));
    ({ cursor } = page);
  } while (cursor !== null);
  return count;
}

/** False when it was unregistered in between. */
async function unregister(rest: Rest, ref: string): Promise<boolean> {
  try {
    await rest.unregister(ref);
    return true;
  } catch (error) {
    if (error instanceof HoldfastError && error.code === 'user-not-found') return false;
    throw error;
  }
}
