import { integer } from '@holdfast/harness/options';
import { Command, Option } from 'commander';
import { type Amounts, profiles } from './amounts.ts';
import { bursts } from './measures/bursts.ts';
import { delivery } from './measures/delivery.ts';
import { growth } from './measures/growth.ts';
import { edgeHostile } from './measures/hostile/edge.ts';
import { hostile } from './measures/hostile/rest.ts';
import { idle } from './measures/idle.ts';
import { latency } from './measures/latency.ts';
import type { Measure } from './measures/measure.ts';
import { observability } from './measures/observability.ts';
import { pusher } from './measures/pusher.ts';
import { rest } from './measures/rest.ts';
import { comingBack } from './measures/return.ts';
import { tokens } from './measures/tokens.ts';
import { resultName } from './report.ts';
import { centrifugo, centrifugoRedis } from './peers/centrifugo.ts';
import { floor } from './peers/floor.ts';
import { holdfast, holdfastPlain } from './peers/holdfast.ts';
import { nchan, nchanRedis } from './peers/nchan.ts';
import { bun, socketIo, socketIoRedis, ws } from './peers/npm-peers.ts';
import type { Peer } from './peers/peer.ts';

/** In the order of the report. */
export const measures: readonly Measure[] = [
  delivery,
  bursts,
  latency,
  comingBack,
  growth,
  idle,
  rest,
  tokens,
  observability,
  pusher,
  hostile,
  edgeHostile,
];

/** In the order of the table. */
export const peers: readonly Peer[] = [
  holdfast,
  holdfastPlain,
  floor,
  ws,
  bun,
  socketIo,
  socketIoRedis,
  nchan,
  nchanRedis,
  centrifugo,
  centrifugoRedis,
];

/** What the command line asked for. */
export interface Plan {
  measures: Measure[];
  peers: Peer[];
  amounts: Amounts;
  json: boolean;
  /** Where the result is kept; null: nowhere. */
  keep: string | null;
}

interface Typed {
  peers?: string[];
  rounds?: number;
  connections?: number;
  quick?: true;
  json?: true;
  keep?: string;
}

const EXAMPLES = `
Examples:
  npm run bench -- --quick
  npm run bench -- delivery --peers holdfast,floor,ws --rounds 5 --connections 15000
  npm run bench -- --keep 2026-11-machine
  npm run bench -- scale --connections 100000

It starts everything it measures and ends it again. Exit codes: 0 measured · 1 a peer failed, or the run could not be
carried through · 2 bad arguments · 130 interrupted.`;

const MAX_ROUNDS = 1000;
const MAX_CONNECTIONS = 1_000_000;

/** Throws a CommanderError, after it has printed what is wrong. */
export function readPlan(args: readonly string[]): Plan {
  const command = benchCommand()
    .exitOverride()
    .parse([...args], { from: 'user' });
  const { quick, rounds, connections, json = false, keep = null, ...typed } = command.opts<Typed>();
  const profile = profiles[quick === true ? 'quick' : 'full'];
  return {
    measures: named(command, 'measure', command.args, measures),
    peers: named(command, 'peer', typed.peers ?? [], peers),
    amounts: adapted(profile, rounds, connections),
    json,
    keep,
  };
}

function benchCommand(): Command {
  return new Command('bench')
    .description('Measures Holdfast beside its peers: the same work for each, in rounds that take turns.')
    .argument('[measures...]', `which: ${listed(measures)}; default: all`)
    .option('--peers <names>', `which: ${listed(peers)}; default: all`, (text) => text.split(',').filter(Boolean))
    .option('--rounds <number>', 'rounds of each measure (default: 5)', integer(1, MAX_ROUNDS))
    .option('--connections <number>', "connections, in place of each measure's own", integer(1, MAX_CONNECTIONS))
    .option('--keep <name>', 'keep the result in bench/results/<name>.json, .txt and .svg', resultName)
    .addOption(new Option('--quick', 'few connections and one round: whether everything works'))
    .option('--json', 'print the result as JSON')
    .addHelpText('after', EXAMPLES);
}

function adapted(profile: Amounts, rounds = profile.rounds, connections?: number): Amounts {
  const amounts = { ...profile, rounds };
  if (connections === undefined) return amounts;
  return {
    ...amounts,
    delivery: { ...amounts.delivery, connections },
    bursts: { ...amounts.bursts, connections },
    latency: { ...amounts.latency, connections },
    return: { ...amounts.return, connections },
    tokens: { ...amounts.tokens, clients: connections },
    growth: { ...amounts.growth, connections: [connections] },
    idle: { ...amounts.idle, connections },
  };
}

/** Those that were named, all when none was. */
function named<T extends { name: string }>(
  command: Command,
  what: string,
  names: readonly string[],
  all: readonly T[],
): T[] {
  const unknown = names.filter((name) => all.every((one) => one.name !== name));
  if (unknown.length > 0) command.error(`error: no ${what} is called ${unknown.join(', ')}; there are ${listed(all)}`);
  return all.filter(({ name }) => names.length === 0 || names.includes(name));
}

function listed(all: readonly { name: string }[]): string {
  return all.map(({ name }) => name).join(', ');
}
