import { listKeys } from '@holdfast/keys-file/keys-file';
import type { Command } from 'commander';
import { type Invocation, invocationOf } from '../../invocation.ts';
import { table } from '../../output.ts';
import type { Terminal } from '../../terminal.ts';
import { keysInForce, keysTable } from './keys.ts';
import { FILE_OPTION, type KeysFilePlace, effectLine, keysPlace, placeAnswer } from './place.ts';
import { expiryText, isOver, rightsText, usedText } from './rights.ts';
import { usageOf } from './usage.ts';

/** `key list`. */
export function addKeyListCommand(key: Command, terminal: Terminal): void {
  key
    .command('list')
    .description('list the keys, without secrets')
    .option(...FILE_OPTION)
    .addHelpText(
      'after',
      '\nExamples:\n  $ npx holdfast key list' +
        '\n  $ npx holdfast key list --file /etc/holdfast/api-keys.json --json' +
        '\n\nWith a running installation it also says how many clients each key has, and when it was used last.',
    )
    .action(async (options: { file?: string }, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const place = await keysPlace(invocation, command, options.file);
      if (place.kind === 'file') return listFile(invocation, place);
      const keys = await keysInForce(invocation);
      const expired = keys.filter((each) => each.expired).map(({ id }) => id);
      invocation.print({ keys, ...placeAnswer(place) }, [...keysTable(keys), ...expiredLines(expired)]);
    });
}

async function listFile(invocation: Invocation, place: KeysFilePlace): Promise<void> {
  const keys = await listKeys(place.file);
  // Usage is that of the installation that reads this file, not of any that happens to run.
  const usage = place.readBy === null ? null : await usageOf(invocation);
  const rows = keys.map(({ id, can, tokens, pusher, maxClients, expiresAt }) => {
    const used = usage?.get(id);
    return [
      id,
      rightsText(can, { tokens, pusher }),
      usedText(used?.used.clients, maxClients),
      ...(usage === null ? [] : [used?.lastUsedAt ?? 'never']),
      expiryText(expiresAt),
    ];
  });
  const shown = keys.map(({ id, can, tokens, pusher, maxClients, expiresAt }) => {
    const used = usage?.get(id);
    return {
      id,
      can,
      ...(tokens === undefined ? {} : { tokens: { alg: tokens.alg } }),
      ...(pusher === undefined ? {} : { pusher: { appId: pusher.appId, key: pusher.key } }),
      maxClients,
      expiresAt,
      expired: isOver(expiresAt),
      ...(used === undefined ? {} : { used: used.used, lastUsedAt: used.lastUsedAt }),
    };
  });
  const heading = ['KEY', 'MAY', 'CLIENTS', ...(usage === null ? [] : ['LAST USED']), 'EXPIRES'];
  const expired = shown.filter((each) => each.expired).map(({ id }) => id);
  const lines = keys.length === 0 ? [`There is no key in ${place.file}.`] : table(heading, rows);
  invocation.print({ keys: shown, ...placeAnswer(place) }, [
    ...lines,
    ...expiredLines(expired),
    '',
    keys.length === 0 ? effectLine(place) : `In ${place.file}. ${effectLine(place)}`,
  ]);
}

/** What an expired key means for its clients. */
function expiredLines(ids: readonly string[]): string[] {
  const [id] = ids;
  if (id === undefined) return [];
  return [
    '',
    `Expired: ${ids.join(', ')}. Calls with such a key are refused, and its clients get no new subscriptions; they stay`,
    `registered and connected until "npx holdfast key revoke ${id} --clients" unregisters them.`,
  ];
}
