import type { LogPage } from '@holdfast/client/rest';
import { DEFAULT_PAGE, MAX_PAGE } from '@holdfast/protocol/limits';
import { position } from '@holdfast/protocol/positions';
import type { Command } from 'commander';
import { accepted, positiveNumber } from '../arguments.ts';
import { invocationOf } from '../invocation.ts';
import { printable } from '../output.ts';
import type { Terminal } from '../terminal.ts';

interface HistoryOptions {
  after?: string;
  limit?: number;
}

/** `history`. */
export function addHistoryCommand(program: Command, terminal: Terminal): void {
  program
    .command('history')
    .description('show the messages that a topic keeps, oldest first')
    .argument('<topic>')
    .option('--after <id>', 'only those after this message', accepted(position))
    .option('--limit <number>', `how many at most (${DEFAULT_PAGE})`, positiveNumber)
    .addHelpText(
      'after',
      '\nExamples:\n  $ npx holdfast history news.sport\n  $ npx holdfast history news.sport --after 1732345678901-0 --limit 1000 --json',
    )
    .action(async (topic: string, { after, limit = DEFAULT_PAGE }: HistoryOptions, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const { colors } = terminal;
      const rest = await invocation.rest();
      const messages: LogPage['messages'] = [];
      let isComplete = true;
      let from = after;
      let more: boolean;
      do {
        const wanted = Math.min(MAX_PAGE, limit - messages.length);
        const page = await rest.history(topic, { after: from, limit: wanted });
        messages.push(...page.messages);
        isComplete &&= page.complete;
        from = page.messages.at(-1)?.id ?? from;
        more = page.more === true && page.messages.length > 0;
      } while (more && messages.length < limit);
      const last = messages.at(-1)?.id;
      const lines = messages.map(({ id, data }) => `${colors.dim(id)} ${printable(JSON.stringify(data))}`);
      if (!isComplete && after !== undefined) lines.unshift(colors.dim('Messages after that one are gone already.'));
      if (messages.length === 0) lines.push(colors.dim('There are no messages.'));
      if (more) lines.push(colors.dim(`There are more: --after ${last} shows them.`));
      invocation.print({ topic, messages, complete: isComplete, more }, lines);
    });
}
