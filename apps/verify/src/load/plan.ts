import { REDIS_KINDS, type RedisKind } from '@holdfast/local/redis-kind';
import { MAX_MESSAGE_BYTES, MAX_TOPICS } from '@holdfast/protocol/limits';
import { Command } from 'commander';
import { MAX_EDGES } from './bounds.ts';
import { MIN_PAYLOAD_BYTES } from './payload.ts';

/** What to do, checked. */
export interface Plan {
  clients: number;
  topics: number;
  topicsPerClient: number;
  /** Messages a second, over all topics. */
  rate: number;
  seconds: number;
  /** Bytes of a payload. */
  size: number;
  seed: number;
  json: boolean;
  /** An installation that is running; null: one is started, with so many edges, or as many as are needed. */
  installation: { controlUrl: string; key: string } | null;
  edges: number | null;
  /** Of an installation that is started. */
  redis: RedisKind;
}

/** The options as they were typed. */
export interface Typed {
  clients: string;
  topics: string;
  subscriptionsPerClient: string;
  rate: string;
  seconds: string;
  size: string;
  seed: string;
  json?: boolean;
  control?: string;
  key?: string;
  edges?: string;
  redis?: string;
}

export type Checked = { ok: true; plan: Plan } | { ok: false; faults: string[] };

const MAX_SEED = 2 ** 31;

/** Checks every option, and names every fault at once. */
export function checkPlan(typed: Typed): Checked {
  const faults: string[] = [];
  const number = (name: string, text: string, least: number, most: number, isWhole = true): number => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!(value >= least && value <= most) || (isWhole && !Number.isInteger(value))) {
      const kind = isWhole ? 'a whole number' : 'a number';
      faults.push(`--${name}: must be ${kind} from ${least} to ${most}, not "${text}"`);
    }
    return value;
  };
  const plan: Plan = {
    clients: number('clients', typed.clients, 1, 1_000_000),
    topics: number('topics', typed.topics, 1, 100_000),
    topicsPerClient: number('subscriptions-per-client', typed.subscriptionsPerClient, 1, MAX_TOPICS),
    rate: number('rate', typed.rate, 0.1, 100_000, false),
    seconds: number('seconds', typed.seconds, 1, 86_400, false),
    size: number('size', typed.size, MIN_PAYLOAD_BYTES, MAX_MESSAGE_BYTES),
    seed: number('seed', typed.seed, 0, MAX_SEED),
    json: typed.json ?? false,
    installation: null,
    edges: typed.edges === undefined ? null : number('edges', typed.edges, 1, MAX_EDGES),
    redis: checkRedis(typed.redis, faults),
  };
  if (plan.topics >= 1 && plan.topicsPerClient > plan.topics) {
    faults.push(`--subscriptions-per-client: must be at most --topics (${typed.topics})`);
  }
  plan.installation = checkInstallation(typed, faults);
  return faults.length === 0 ? { ok: true, plan } : { ok: false, faults };
}

function checkRedis(kind: string | undefined, faults: string[]): RedisKind {
  const found = REDIS_KINDS.find((candidate) => candidate === (kind ?? 'single'));
  if (found === undefined) faults.push(`--redis: must be one of ${REDIS_KINDS.join(', ')}, not "${kind}"`);
  return found ?? 'single';
}

function checkInstallation({ control, key, edges, redis }: Typed, faults: string[]): Plan['installation'] {
  if (control === undefined && key === undefined) return null;
  if (edges !== undefined) faults.push('--edges: only for an installation that is started here, without --control');
  if (redis !== undefined) faults.push('--redis: only for an installation that is started here, without --control');
  if (key === undefined) faults.push('--key: needed with --control');
  else if (!/^[^.\s]+\.\S+$/.test(key)) faults.push('--key: must be <id>.<secret>');
  if (control === undefined) faults.push('--control: needed with --key');
  else if (!isHttpUrl(control)) faults.push(`--control: must be an http:// or https:// URL, not "${control}"`);
  return { controlUrl: control ?? '', key: key ?? '' };
}

function isHttpUrl(text: string): boolean {
  return ['http:', 'https:'].includes(URL.parse(text)?.protocol ?? '');
}

const EXAMPLES = `
Examples:
  npm run load -- --clients 10000 --topics 20 --rate 50 --seconds 20
  npm run load -- --redis cluster --clients 5000 --topics 500 --rate 100
  npm run load -- --control http://127.0.0.1:7700 --key dev.secret --clients 1000

Exit codes: 0 every message arrived, once, in order · 1 a fault was found, or the run could not be completed ·
2 bad arguments · 3 the installation cannot be reached · 130 interrupted. Clients and topics of the run are removed in any case.`;

/** The command line. Parsing rejects with a CommanderError for what it does not know. */
export function command(): Command {
  return new Command('load')
    .description(
      'Registers clients, connects them, publishes at a rate, and verifies that every client receives exactly what was ' +
        'published on its topics: each message once, in order. Starts an installation for it, or uses the one of --control.',
    )
    .option('--clients <number>', 'clients, each with one connection', '1000')
    .option('--topics <number>', 'topics that are created', '20')
    .option('--subscriptions-per-client <number>', 'topics that each client has', '2')
    .option('--rate <number>', 'messages a second, over all topics', '10')
    .option('--seconds <number>', 'how long to publish', '10')
    .option('--size <bytes>', 'bytes of a message', '150')
    .option('--seed <number>', 'draws who has which topics, and the topics of the messages', '1')
    .option('--control <url>', 'the control API of a running installation')
    .option('--key <key>', 'an API key of it that may register, subscribe, publish and manage load.**')
    .option('--edges <number>', 'edges of an installation that is started here (default: as many as are needed)')
    .option('--redis <kind>', 'single, cluster or sentinel, of an installation that is started here (default: single)')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', EXAMPLES)
    .exitOverride();
}

export function typedOptions(parsed: Command): Typed {
  return parsed.opts<Typed>();
}
