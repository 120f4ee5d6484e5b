import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { BUFFER_NAMES, COMMAND_NAMES, type Commands } from '../commands.ts';
import { slotOf } from './slots.ts';
import type { ClusterTopology } from './topology.ts';

/** Between the moves of a slot's first and last key no node can run a script on it: milliseconds, unless keys are huge. */
const PATIENCE_MS = 1_500;
const PAUSE_MS = 20;
/** A command that was redirected so often goes in circles. */
const MAX_REDIRECTS = 16;
/** How many numbers are looked through for keys at every master: each master has thousands of slots. */
const MAX_PLACES = 1_000;
/** The place of the key among the arguments of a script: behind its hash or text, and the number of keys. */
const SCRIPT_KEY = 2;

type Name = (typeof COMMAND_NAMES)[number] | (typeof BUFFER_NAMES)[number];
type Arguments = readonly unknown[];

/**
 * Commands on a Cluster: each goes to the master of its key's slot, and those of one moment share a pipeline to each
 * node. A redirect is followed, for a node that answers with one has not run the command; nothing else is ever sent
 * again.
 */
export function clusterCommands(topology: ClusterTopology): Commands {
  const routed = [...COMMAND_NAMES, ...BUFFER_NAMES].map((name) => [
    name,
    (...args: Arguments) => send(topology, name, args),
  ]);
  const placesOfServers = (keyOf: (place: string) => string): string[] => places(topology, keyOf);
  return { ...Object.fromEntries(routed), ping: () => ping(topology), isCluster: true, placesOfServers } as Commands;
}

/** Numbers, one for each master, whose key has its slot there. A master with few slots may be left out. */
function places(topology: ClusterTopology, keyOf: (place: string) => string): string[] {
  const found = new Map<string, string>();
  for (let number = 0; number < MAX_PLACES && found.size < topology.masters.size; number += 1) {
    const place = String(number);
    const address = topology.addressOf(slotOf(keyOf(place)));
    if (address !== undefined && !found.has(address)) found.set(address, place);
  }
  return [...found.values()];
}

/** Whether the whole Cluster answers: every slot has a master, and each master answers. */
async function ping(topology: ClusterTopology): Promise<'PONG'> {
  const fault = topology.fault();
  if (fault !== null) throw new Error(fault);
  await Promise.all([...topology.masters].map(async (address) => (await topology.redirected(address)).ping()));
  return 'PONG';
}

async function send(topology: ClusterTopology, name: Name, args: Arguments): Promise<unknown> {
  const slot = slotOf(String(args[name.startsWith('eval') ? SCRIPT_KEY : 0]));
  try {
    return await call(masterOf(topology, slot), name, args);
  } catch (error) {
    return await follow(topology, slot, name, args, error);
  }
}

/** Goes where a redirect leads, and on from there. Rejects with what is no redirect. */
async function follow(
  topology: ClusterTopology,
  slot: number,
  name: Name,
  args: Arguments,
  firstError: unknown,
): Promise<unknown> {
  const deadline = performance.now() + PATIENCE_MS;
  let error = firstError;
  for (let redirects = 0; redirects < MAX_REDIRECTS && performance.now() < deadline;) {
    const redirect = redirectOf(error);
    if (redirect === null) break;
    try {
      if ('address' in redirect) redirects += 1;
      if (redirect.kind === 'ask') return await callAsking(await topology.redirected(redirect.address), name, args);
      if (redirect.kind === 'moved') {
        topology.moved(slot, redirect.address);
        return await call(await topology.redirected(redirect.address), name, args);
      }
      if (redirect.kind === 'unnamed') topology.refreshSoon();
      await delay(PAUSE_MS);
      return await call(masterOf(topology, slot), name, args);
    } catch (next) {
      error = next;
    }
  }
  throw error;
}

function masterOf(topology: ClusterTopology, slot: number): Redis {
  const master = topology.masterOf(slot);
  if (master === undefined) throw new Error(`no node of the Cluster serves slot ${slot}`);
  return master;
}

function call(redis: Redis, name: Name, args: Arguments): Promise<unknown> {
  // These methods exist for every command; the types know most of them.
  return Reflect.apply(Reflect.get(redis, name) as (...given: unknown[]) => Promise<unknown>, redis, args);
}

/** The slot is on its way to this node, which takes a command for it only right behind ASKING. */
async function callAsking(redis: Redis, name: Name, args: Arguments): Promise<unknown> {
  const answers = await redis.pipeline([['asking'], [name, ...args]]).exec();
  const [error, value] = answers?.[1] ?? [new Error('the connection gave no answer')];
  if (error) throw error;
  return value;
}

type Redirect =
  | { kind: 'moved' | 'ask'; address: string }
  /** It moved, and by its settings the Cluster does not name the new master. */
  | { kind: 'unnamed' }
  /** Some keys of the slot have moved, some have not. */
  | { kind: 'try-again' };

function redirectOf(error: unknown): Redirect | null {
  if (!(error instanceof Error)) return null;
  const [word, , address = ''] = error.message.split(' ');
  if (word === 'TRYAGAIN') return { kind: 'try-again' };
  if (word !== 'MOVED' && word !== 'ASK') return null;
  if (address.startsWith(':')) return { kind: 'unnamed' };
  return { kind: word === 'ASK' ? 'ask' : 'moved', address };
}
