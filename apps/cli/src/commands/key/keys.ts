import type { KeyPage } from '@holdfast/client/rest';
import { MAX_PAGE } from '@holdfast/protocol/limits';
import type { Command } from 'commander';
import { invocationOf } from '../invocation.ts';
import { table } from '../output.ts';
import type { Terminal } from '../terminal.ts';

type Key = KeyPage['keys'][number];

/** `keys`. */
export function addKeysCommand(program: Command, terminal: Terminal): void {
  program
    .command('keys')
    .description('list the API keys in force: what each may, what it has, when it was used; without secrets')
    .addHelpText('after', '\nExample:\n  $ npx holdfast keys --json')
    .action(async (_options: object, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const rest = await invocation.rest();
      const keys: Key[] = [];
      for (let cursor: string | null = null, first = true; first || cursor !== null; first = false) {
        const page: KeyPage = await rest.keys({ cursor, limit: MAX_PAGE });
        keys.push(...page.keys);
        ({ cursor } = page);
      }
      const rows = keys.map((key) => [
        key.id,
        rightsOf(key),
        usedOf(key.used.clients, key.maxClients),
        usedOf(key.used.topics, key.maxTopics),
        key.tokens?.alg ?? '',
        key.lastUsedAt ?? 'never',
        key.expired ? 'expired' : (key.expiresAt ?? ''),
      ]);
      const heading = ['KEY', 'MAY', 'CLIENTS', 'TOPICS', 'TOKENS', 'LAST USED', 'EXPIRES'];
      invocation.print({ keys }, table(heading, rows));
    });
}

function rightsOf({ can: { register, ...patterns } }: Key): string {
  const rights = Object.entries(patterns).filter(([, list]) => list.length > 0);
  return [...(register ? ['register'] : []), ...rights.map(([right, list]) => `${right} ${list.join(',')}`)].join('; ');
}

function usedOf(used: number, most: number | null): string {
  return most === null ? String(used) : `${used} of ${most}`;
}
