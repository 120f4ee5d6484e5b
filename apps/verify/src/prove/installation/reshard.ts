import { nodeId, untilWhole } from '@holdfast/local/redis-cluster';
import { runCommand } from '@holdfast/local/run-command';
import { basename, dirname, join } from 'node:path';
import { DidNotHappen } from '../not-run.ts';
import type { RedisServer } from '@holdfast/local/redis-server';

export interface Reshard {
  /** The redis-server that runs; its command-line tool lies beside it. */
  binary: string;
  /** Every node of the Cluster. */
  nodes: readonly RedisServer[];
  /** Who gives slots; `all` is every other master. */
  from: RedisServer | 'all';
  to: RedisServer;
  slots: number;
}

/** Moves slots with their keys, one after the other, as an operator does: by `redis-cli --cluster reshard`. */
export async function reshard({ binary, nodes, from, to, slots }: Reshard): Promise<void> {
  const tool = join(dirname(binary), basename(binary).replace('-server', '-cli'));
  const args = [
    ['--cluster', 'reshard', `127.0.0.1:${to.port}`],
    ['--cluster-from', from === 'all' ? 'all' : await nodeId(from)],
    ['--cluster-to', await nodeId(to)],
    ['--cluster-slots', String(slots), '--cluster-yes'],
  ].flat();
  const { code, printed } = await runCommand(tool, args, { PATH: process.env['PATH'] });
  if (code !== 0) throw new DidNotHappen(`${tool} could not move slots: ${printed.slice(-500)}`);
  await untilWhole(nodes);
}

/** How many slots a node serves. */
export async function slotsOf(node: RedisServer): Promise<number> {
  const lines = String(await node.ask('CLUSTER', 'NODES')).split('\n');
  const ranges =
    lines
      .find((line) => line.includes('myself'))
      ?.split(' ')
      .slice(8) ?? [];
  return ranges
    .filter((range) => !range.startsWith('['))
    .map((range) => range.split('-').map(Number))
    .reduce((count, [from = 0, to = from]) => count + to - from + 1, 0);
}
