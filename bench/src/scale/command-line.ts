import { integer } from '@holdfast/harness/options';
import { Command } from 'commander';
import { resultName } from '../report.ts';

/** What `scale` was asked for. */
export interface ScalePlan {
  connections: number;
  /** Topics with a share of the clients each, beside the one that all have. */
  topics: number;
  /** Messages a second to the topics with a share, and for how long. */
  rate: number;
  seconds: number;
  /** Messages to all clients. */
  broadcasts: number;
  size: number;
  heartbeatSeconds: number | null;
  raiseLimits: boolean;
  json: boolean;
  keep: string | null;
}

interface Typed extends Omit<ScalePlan, 'raiseLimits' | 'json' | 'keep' | 'heartbeatSeconds'> {
  raiseLimits?: true;
  json?: true;
  keep?: string;
  heartbeat?: number;
}

const EXAMPLES = `
Examples:
  npm run bench -- scale --connections 20000
  npm run bench -- scale --connections 1000000 --raise-limits --keep scale-1000000

A million needs some 20 GiB, both ends and all processes included, and limits of the kernel that only root can raise.
Exit codes: 0 everything arrived · 1 something did not, or the run could not be carried through · 2 bad arguments ·
130 interrupted.`;

/** Reads the command line after "scale". Throws a CommanderError, after it has printed what is wrong. */
export function readScalePlan(args: readonly string[]): ScalePlan {
  const command = new Command('bench scale')
    .description(
      'Registers and connects very many clients, over as many edges as the limit of descriptors demands; a message to ' +
        'all; a trickle to topics with a share of them each; the death of an edge whose clients all come back. Says ' +
        'where memory and time went.',
    )
    .requiredOption('--connections <number>', 'clients, each with a connection and two topics', integer(100, 4_000_000))
    .option('--topics <number>', 'topics with a share of the clients each', integer(1, 100_000), 1000)
    .option('--rate <number>', 'messages a second to these', integer(1, 10_000), 20)
    .option('--seconds <number>', 'for how long', integer(1, 3600), 60)
    .option('--broadcasts <number>', 'messages to all', integer(1, 1000), 3)
    .option('--size <bytes>', 'bytes of a message', integer(60, 65_536), 150)
    .option('--heartbeat <seconds>', "how often edges ping (default: the edge's own, 25)", integer(1, 600))
    .option('--raise-limits', 'raise limits of the kernel that are too low, and put them back at the end; as root')
    .option('--keep <name>', 'keep the result in bench/results/<name>.json and .txt', resultName)
    .option('--json', 'print the result as JSON')
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .parse([...args], { from: 'user' });
  const { raiseLimits = false, json = false, keep = null, heartbeat = null, ...typed } = command.opts<Typed>();
  return { ...typed, raiseLimits, json, keep, heartbeatSeconds: heartbeat };
}
