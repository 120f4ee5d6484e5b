import type { Command } from 'commander';
import { type Invocation, invocationOf } from '../../invocation.ts';
import { table } from '../../output.ts';
import type { Terminal } from '../../terminal.ts';
import { expiryText, rightsText, usedText } from './rights.ts';
import { type KeySummary, allKeys } from './usage.ts';

/** `keys`. */
export function addKeysCommand(program: Command, terminal: Terminal): void {
  program
    .command('keys')
    .description('list the API keys in force: what each may, what it has, when it was used; without secrets')
    .addHelpText('after', '\nExample:\n  $ npx holdfast keys --json')
    .action(async (_options: object, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const keys = await keysInForce(invocation);
      invocation.print({ keys }, keysTable(keys));
    });
}

export async function keysInForce(invocation: Invocation): Promise<KeySummary[]> {
  return allKeys(await invocation.rest());
}

export function keysTable(keys: readonly KeySummary[]): string[] {
  const rows = keys.map((key) => [
    key.id,
    rightsText(key.can, key),
    usedText(key.used.clients, key.maxClients),
    usedText(key.used.topics, key.maxTopics),
    key.lastUsedAt ?? 'never',
    expiryText(key.expiresAt),
  ]);
  return table(['KEY', 'MAY', 'CLIENTS', 'TOPICS', 'LAST USED', 'EXPIRES'], rows);
}
