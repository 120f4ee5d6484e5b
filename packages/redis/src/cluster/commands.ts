import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { ClusterNodes } from './nodes.ts';
import { BUFFER_NAMES, COMMAND_NAMES, type Commands } from '../commands.ts';
import { slotOf } from './slot-of.ts';

/** Between the moves of a slot's first and last key nobody can run a script on it: milliseconds, unless keys are huge. */
const PATIENCE_MS = 1_500;
const PAUSE_MS = 20;
/** A command that was led on so often is led in circles. */
const MAX_REDIRECTS = 16;
/** How many numbers are looked through for keys at every master: each master has thousands of slots. */
const MAX_PLACES = 1_000;
/** Where the key stands among the arguments of a script: behind its hash or text, and the number of keys. */
const SCRIPT_KEY = 2;

type Name = (typeof COMMAND_NAMES)[number] | (typeof BUFFER_NAMES)[number];
type Arguments = readonly unknown[];

/**
 * The commands of the stores on a Cluster: each goes to the master of its key's slot, and those of one moment share a
 * pipeline to each node. A redirect is followed, for who answers with one has not run the command; nothing else is
 * ever sent again.
 */
export function clusterCommands(nodes: ClusterNodes): Commands {
  const routed = [...COMMAND_NAMES, ...BUFFER_NAMES].map((name) => [
    name,
    (...args: Arguments) => send(nodes, name, args),
  ]);
  const placesOfServers = (keyOf: (place: string) => string): string[] => places(nodes, keyOf);
  return { ...Object.fromEntries(routed), ping: () => ping(nodes), isCluster: true, placesOfServers } as Commands;
}

/** Numbers, one for each master, whose key has its slot there. A master with few slots may be left out. */
function places(nodes: ClusterNodes, keyOf: (place: string) => string): string[] {
  const found = new Map<string, string>();
  for (let number = 0; number < MAX_PLACES && found.size < nodes.masters.size; number += 1) {
    const place = String(number);
    const address = nodes.addressOf(slotOf(keyOf(place)));
    if (address !== undefined && !found.has(address)) found.set(address, place);
  }
  return [...found.values()];
}

/** Whether the whole Cluster answers: every slot has a master, and each master says so itself. */
async function ping(nodes: ClusterNodes): Promise<'PONG'> {
  const fault = nodes.fault();
  if (fault !== null) throw new Error(fault);
  await Promise.all([...nodes.masters].map(async (address) => (await nodes.redirected(address)).ping()));
  return 'PONG';
}

async function send(nodes: ClusterNodes, name: Name, args: Arguments): Promise<unknown> {
  const slot = slotOf(String(args[name.startsWith('eval') ? SCRIPT_KEY : 0]));
  try {
    return await call(masterOf(nodes, slot), name, args);
  } catch (error) {
    return await follow(nodes, slot, name, args, error);
  }
}

/** Goes where a redirect leads, and on from there. Rejects with what is no redirect. */
async function follow(
  nodes: ClusterNodes,
  slot: number,
  name: Name,
  args: Arguments,
  firstError: unknown,
): Promise<unknown> {
  const deadline = performance.now() + PATIENCE_MS;
  let error = firstError;
  for (let led = 0; led < MAX_REDIRECTS && performance.now() < deadline;) {
    const redirect = redirectOf(error);
    if (redirect === null) break;
    try {
      if ('address' in redirect) led += 1;
      if (redirect.kind === 'ask') return await callAsking(await nodes.redirected(redirect.address), name, args);
      if (redirect.kind === 'moved') {
        nodes.moved(slot, redirect.address);
        return await call(await nodes.redirected(redirect.address), name, args);
      }
      if (redirect.kind === 'unnamed') nodes.lookSoon();
      await delay(PAUSE_MS);
      return await call(masterOf(nodes, slot), name, args);
    } catch (next) {
      error = next;
    }
  }
  throw error;
}

function masterOf(nodes: ClusterNodes, slot: number): Redis {
  const master = nodes.masterOf(slot);
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
  /** It moved, and by its settings the Cluster does not say where to. */
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
