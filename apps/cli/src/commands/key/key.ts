import type { Command } from 'commander';
import type { Terminal } from '../../terminal.ts';
import { addKeyCreateCommand } from './create.ts';
import { addKeyListCommand } from './list.ts';
import { addKeyRevokeCommand } from './revoke.ts';

/** `key create|list|revoke`: the pre-defined keys, in a file or over the control API. */
export function addKeyCommands(program: Command, terminal: Terminal): void {
  const key = program
    .command('key')
    .description('make, list and revoke API keys, in the keys file that control-api reads or over the API');
  addKeyCreateCommand(key, terminal);
  addKeyListCommand(key, terminal);
  addKeyRevokeCommand(key, terminal);
}
