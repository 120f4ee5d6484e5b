import type { Edges } from '@holdfast/client/rest';
import type { Command } from 'commander';
import { invocationOf } from '../invocation.ts';
import { EDGE_ARGUMENT, edgeNamed } from '../names/edge-name.ts';
import { printable, table } from '../output.ts';
import type { Terminal } from '../terminal.ts';

/** `edges`, and `edge drain|undrain`. */
export function addEdgeCommands(program: Command, terminal: Terminal): void {
  program
    .command('edges')
    .description('list the live edges')
    .addHelpText('after', '\nExample:\n  $ npx holdfast edges')
    .action(async (_options: object, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const answer = await (await invocation.rest()).edges();
      const rows = answer.edges.map((edge) => [
        edge.id,
        edge.url,
        `${edge.connections} of ${edge.maxConnections}`,
        stateOf(edge),
        edge.version ?? '',
        edge.startedAt,
      ]);
      invocation.print(answer, table(['EDGE', 'URL', 'CONNECTIONS', 'STATE', 'VERSION', 'SINCE'], rows));
    });

  const edge = program.command('edge').description('have an edge close its connections, or take them again');

  edge
    .command('drain')
    .description('close its connections over the drain time, and take no more; the process stays')
    .argument('<edge>', EDGE_ARGUMENT)
    .addHelpText('after', '\nExample:\n  $ npx holdfast edge drain 1f2e')
    .action(async (named: string, _options: object, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const answer = await (await invocation.rest()).drainEdge(await edgeNamed(invocation, named));
      invocation.print(answer, [`Edge ${printable(answer.id)} drains; "edges" shows it emptying.`]);
    });

  edge
    .command('undrain')
    .description('take connections again; what a drain has not closed yet stays')
    .argument('<edge>', EDGE_ARGUMENT)
    .addHelpText('after', '\nExample:\n  $ npx holdfast edge undrain 1f2e')
    .action(async (named: string, _options: object, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const answer = await (await invocation.rest()).undrainEdge(await edgeNamed(invocation, named));
      const name = printable(answer.id);
      invocation.print(answer, [
        answer.draining ? `Edge ${name} is ending, and drains to the end.` : `Edge ${name} takes connections again.`,
      ]);
    });
}

function stateOf({ draining, leaving }: Edges['edges'][number]): string {
  if (leaving === true) return 'ending';
  return draining ? 'draining' : 'serving';
}
