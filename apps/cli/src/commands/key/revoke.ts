import { HoldfastError } from '@holdfast/client/holdfast-error';
import { KeysFileError } from '@holdfast/keys-file/errors';
import { listKeys, revokeKey } from '@holdfast/keys-file/keys-file';
import type { Command } from 'commander';
import { operatorCalls } from '../../calls.ts';
import { CliError, exitCodes } from '../../errors.ts';
import { type Invocation, invocationOf } from '../../invocation.ts';
import { pick } from '../../names/pick.ts';
import type { Terminal } from '../../terminal.ts';
import { otherKeysRest, unregisterClientsOf, unregisterListed } from './clients.ts';
import { FILE_OPTION, type KeysFilePlace, effectLine, keysPlace, placeAnswer, placeName } from './place.ts';
import { usageOf } from './usage.ts';

interface RevokeOptions {
  id?: string;
  clients?: true;
  file?: string;
}

/** `key revoke`. */
export function addKeyRevokeCommand(key: Command, terminal: Terminal): void {
  key
    .command('revoke')
    .description('take a key away: calls with it are refused from then on; its clients stay, unless --clients is given')
    .argument('[key-id]', 'the public half of the key')
    .option('--id <key-id>', 'the same')
    .option(
      '--clients',
      'unregister its clients as well; the calls are made with another key that has manage "**"; with --file of an ' +
        'installation that is not that of npm start: name its control-api with --control',
    )
    .option(...FILE_OPTION)
    .addHelpText(
      'after',
      '\nExamples:\n  $ npx holdfast key revoke mobile\n  $ npx holdfast key revoke mobile --clients' +
        '\n\nClients belong to the id of their key. Without --clients they stay registered and connected, and keep their' +
        '\nsubscriptions; new ones are refused. A new key of the same id has them again.',
    )
    .action(async (given: string | undefined, options: RevokeOptions, command: Command) => {
      const id = oneId(given, options.id);
      const invocation = invocationOf(command, terminal);
      const place = await keysPlace(invocation, command, options.file);
      const withClients = options.clients === true;
      const outcome =
        place.kind === 'api'
          ? await revokeByCall(invocation, id, withClients)
          : await revokeInFile(invocation, command, place, id, withClients);
      invocation.print({ id, ...placeAnswer(place), ...outcome }, [
        `Key "${id}" is no longer in ${placeName(place)}.`,
        effectLine(place),
        withClients ? unregisteredLine(outcome.clients) : remainLine(id, outcome.remaining),
      ]);
    });
}

function oneId(argument: string | undefined, option: string | undefined): string {
  const id = argument ?? option;
  if (id !== undefined && (argument === undefined || option === undefined || argument === option)) return id;
  throw new CliError(exitCodes.usage, 'key-id', 'Name the key once: npx holdfast key revoke mobile');
}

interface Outcome {
  /** Those that were unregistered. */
  clients: number;
  /** Those that stay; null: not known. */
  remaining: number | null;
}

async function revokeByCall(invocation: Invocation, id: string, withClients: boolean): Promise<Outcome> {
  const before = withClients ? null : await usageOf(invocation);
  const { revokeKey: revoke } = operatorCalls(invocation);
  try {
    const { clients } = await untilDone(() => revoke(id, withClients));
    return withClients ? { clients, remaining: 0 } : { clients: 0, remaining: before?.get(id)?.used.clients ?? null };
  } catch (error) {
    const code: string = error instanceof HoldfastError ? error.code : '';
    if (!withClients || code !== 'key-not-found') throw error;
    // It was revoked before, and its clients stayed.
    const clients = await unregisterListed(await invocation.rest(), id);
    if (clients === 0) throw error;
    return { clients, remaining: 0 };
  }
}

/** Repeats the call while control-api answers that clients are still being unregistered; each waits some seconds for it. */
async function untilDone(revoke: () => ReturnType<ReturnType<typeof operatorCalls>['revokeKey']>) {
  let answer = await revoke();
  while (answer.done === false) {
    const { clients } = answer;
    try {
      answer = await revoke();
    } catch (error) {
      // Another control-api answered, which found none left.
      if (!(error instanceof HoldfastError) || error.code !== 'key-not-found') throw error;
      return { clients };
    }
  }
  return answer;
}

async function revokeInFile(
  invocation: Invocation,
  command: Command,
  place: KeysFilePlace,
  id: string,
  withClients: boolean,
): Promise<Outcome> {
  if (!withClients) {
    await requireInFile(place, id);
    const before = place.readBy === null ? null : await usageOf(invocation);
    await revokeKey(place.file, id);
    return { clients: 0, remaining: before === null ? null : (before.get(id)?.used.clients ?? 0) };
  }
  await requireReader(invocation, command, place);
  const rest = await otherKeysRest(invocation, id);
  try {
    await revokeKey(place.file, id);
  } catch (error) {
    if (!(error instanceof KeysFileError) || error.code !== 'key-not-found') throw error;
    // It was revoked before, and its clients stayed.
    const clients = await unregisterListed(rest, id);
    if (clients === 0) await requireInFile(place, id);
    return { clients, remaining: 0 };
  }
  return { clients: await unregisterClientsOf(rest, id, invocation.terminal.interrupted), remaining: 0 };
}

/**
 * Only clients of the installation that reads the file are meant: another may have a key of the same id. Raises CliError
 * `control-needed`.
 */
async function requireReader(invocation: Invocation, command: Command, { file, readBy }: KeysFilePlace): Promise<void> {
  if (command.optsWithGlobals<{ control?: string }>().control !== undefined) return;
  if (readBy !== null && (await invocation.target()).controlUrl === readBy) return;
  throw new CliError(
    exitCodes.usage,
    'control-needed',
    `Nothing was changed: which installation reads ${file} is not known, and its clients are to be unregistered. Name its ` +
      'control-api: --control URL, with --key KEY.',
  );
}

/** Raises CliError `no-such-name` that lists the keys there are. */
async function requireInFile({ file }: KeysFilePlace, id: string): Promise<void> {
  const keys = await listKeys(file);
  const shown = keys.map((each) => ({ value: each.id, columns: [each.id] }));
  pick({
    what: 'key',
    text: id,
    heading: ['key'],
    matching: shown.filter(({ value }) => value === id),
    others: shown,
    missing: `There is no key "${id}" in ${file}.`,
  });
}

function unregisteredLine(clients: number): string {
  if (clients === 0) return 'It had no clients.';
  return clients === 1 ? 'Its one client is unregistered.' : `Its ${clients} clients are unregistered.`;
}

function remainLine(id: string, remaining: number | null): string {
  const how = `npx holdfast key revoke ${id} --clients`;
  if (remaining === 0) return 'It has no clients.';
  if (remaining === 1) return `Its one client stays registered and connected: "${how}" unregisters it.`;
  const which = remaining === null ? 'Clients that were registered with it' : `Its ${remaining} clients`;
  return `${which} stay registered and connected: "${how}" unregisters them.`;
}
