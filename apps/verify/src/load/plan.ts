import { REDIS_KINDS, type RedisKind } from '@holdfast/local/redis-kind';
import { MAX_MESSAGE_BYTES, MAX_PRESENCE_LIMIT, MAX_TOPICS } from '@holdfast/protocol/limits';
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
  /** Who is present on one topic, instead of deliveries. */
  presence: PresencePlan | null;
}

export interface PresencePlan {
  /** Joins and leaves a second, half of each. */
  churn: number;
  /** Clients that are shown who is present. */
  watchers: number;
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
  presence?: boolean;
  churn?: string;
  watchers?: string;
  /** The names of those that do not have their default. */
  given?: readonly string[];
}

export type Checked = { ok: true; plan: Plan } | { ok: false; faults: string[] };

const MAX_SEED = 2 ** 31;
const DEFAULT_CHURN = 100;
const MAX_CHURN = 10_000;
const DEFAULT_WATCHERS = 50;
/** What only a run with messages has. */
const OF_MESSAGES = {
  topics: 'topics',
  subscriptionsPerClient: 'subscriptions-per-client',
  rate: 'rate',
  size: 'size',
};

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
    presence: null,
  };
  if (plan.topics >= 1 && plan.topicsPerClient > plan.topics) {
    faults.push(`--subscriptions-per-client: must be at most --topics (${typed.topics})`);
  }
  plan.presence = checkPresence(typed, plan.clients, number, faults);
  if (plan.presence !== null) plan.topics = plan.topicsPerClient = 1;
  plan.installation = checkInstallation(typed, faults);
  return faults.length === 0 ? { ok: true, plan } : { ok: false, faults };
}

type ReadNumber = (name: string, text: string, least: number, most: number, isWhole?: boolean) => number;

function checkPresence(typed: Typed, clients: number, number: ReadNumber, faults: string[]): PresencePlan | null {
  if (typed.presence !== true) {
    if (typed.churn !== undefined) faults.push('--churn: only with --presence');
    if (typed.watchers !== undefined) faults.push('--watchers: only with --presence');
    return null;
  }
  for (const [name, option] of Object.entries(OF_MESSAGES)) {
    if (typed.given?.includes(name) === true) faults.push(`--${option}: not with --presence, which has no messages`);
  }
  if (clients > MAX_PRESENCE_LIMIT) {
    faults.push(`--clients: must be at most ${MAX_PRESENCE_LIMIT} with --presence; members of more are not shown`);
  }
  const churn = number('churn', typed.churn ?? String(DEFAULT_CHURN), 0.1, MAX_CHURN, false);
  const fewest = Math.max(1, Math.min(DEFAULT_WATCHERS, clients - 1));
  const watchers = number('watchers', typed.watchers ?? String(fewest), 1, MAX_PRESENCE_LIMIT);
  if (watchers >= clients) faults.push(`--watchers: must be less than --clients (${typed.clients})`);
  return { churn, watchers };
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
  npm run load -- --presence --clients 10000 --edges 4 --churn 100 --watchers 50 --seconds 60

Exit codes: 0 every message arrived, once, in order; with --presence: every watcher saw exactly who is present · 1 a fault was found, or the run could not be completed ·
2 bad arguments · 3 the installation cannot be reached · 130 interrupted. Clients and topics of the run are removed in any case.`;

/** The command line. Parsing rejects with a CommanderError for what it does not know. */
export function command(): Command {
  return new Command('load')
    .description(
      'Registers clients, connects them, publishes at a rate, and verifies that every client receives exactly what was ' +
        'published on its topics: each message once, in order. Starts an installation for it, or uses the one of --control. ' +
        'With --presence: clients of one topic join and leave, and each watcher must see exactly who is present.',
    )
    .option('--clients <number>', 'clients, each with one connection', '1000')
    .option('--topics <number>', 'topics that are created', '20')
    .option('--subscriptions-per-client <number>', 'topics that each client has', '2')
    .option('--rate <number>', 'messages a second, over all topics', '10')
    .option('--seconds <number>', 'how long to publish, or to join and leave', '10')
    .option('--size <bytes>', 'bytes of a message', '150')
    .option('--seed <number>', 'draws who has which topics, and the topics of the messages', '1')
    .option('--presence', 'the presence of one topic instead of messages')
    .option('--churn <number>', `joins and leaves a second, half of each, with --presence (default: ${DEFAULT_CHURN})`)
    .option(
      '--watchers <number>',
      `clients that are shown who is present, with --presence (default: ${DEFAULT_WATCHERS})`,
    )
    .option('--control <url>', 'the control API of a running installation')
    .option(
      '--key <key>',
      'an API key of it that may register, subscribe, publish and manage load.**, and see its presence with --presence',
    )
    .option('--edges <number>', 'edges of an installation that is started here (default: as many as are needed)')
    .option('--redis <kind>', 'single, cluster or sentinel, of an installation that is started here (default: single)')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', EXAMPLES)
    .exitOverride();
}

export function typedOptions(parsed: Command): Typed {
  const typed = parsed.opts<Typed>();
  return { ...typed, given: Object.keys(typed).filter((name) => parsed.getOptionValueSource(name) === 'cli') };
}
