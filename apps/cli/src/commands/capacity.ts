import type { Command } from 'commander';
import { type Capacity, operatorCalls } from '../calls.ts';
import { invocationOf } from '../invocation.ts';
import { table } from '../output.ts';
import type { Terminal } from '../terminal.ts';

/** `capacity`. */
export function addCapacityCommand(program: Command, terminal: Terminal): void {
  program
    .command('capacity')
    .description('show what the installation uses, what limits it first, and what more fits in')
    .addHelpText(
      'after',
      '\nExample:\n  $ npx holdfast capacity' +
        '\n\nWhat more fits in is computed from measured costs, which docs/scaling.md describes. Each of the numbers holds alone.',
    )
    .action(async (_options: object, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const capacity = await operatorCalls(invocation).capacity();
      invocation.print(capacity, describe(capacity));
    });
}

const NAMES: Readonly<Record<keyof Capacity['used'], string>> = {
  connections: 'places for connections',
  edgeCpu: 'CPU of the busiest host of edges',
  edgeMemory: 'memory of the fullest host of edges',
  redisCpu: 'CPU of the busiest Redis',
  redisMemory: 'memory of the fullest Redis',
};

function describe({ edges, total, used, limitedBy, headRoom }: Capacity): string[] {
  const rows = Object.entries(NAMES).map(([name, title]) => {
    const share = used[name as keyof typeof used];
    const why = name === 'redisMemory' ? 'no maxmemory is set' : 'not known';
    return [title, share === null ? why : percent(share)];
  });
  const isOne = edges.length === 1;
  return [
    `${count(total.connections)} of ${count(total.maxConnections)} connections on ${isOne ? '1 edge' : `${edges.length} edges`}; a second: ` +
      `${count(total.messagesPerSecond)} messages in, ${count(total.deliveriesPerSecond)} deliveries out`,
    '',
    ...table(['USED', 'SHARE'], rows),
    '',
    limitedBy === null ? 'Nothing is used yet.' : `First to run out: ${NAMES[limitedBy]}.`,
    '',
    ...table(
      ['MORE FITS IN', 'ABOUT'],
      [
        ['connections', count(headRoom.connections)],
        ['registered clients', headRoom.clients === null ? 'not known: no maxmemory is set' : count(headRoom.clients)],
        ['publishes a second', countOrUnknown(headRoom.publishesPerSecond)],
        ['deliveries a second', countOrUnknown(headRoom.deliveriesPerSecond)],
      ],
    ),
  ];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function countOrUnknown(number: number | null): string {
  return number === null ? 'not known' : count(number);
}

function count(number: number): string {
  return Math.round(number).toLocaleString('en-US');
}
