import { reasonOf } from '@holdfast/service/error-fields';
import type { Redis } from 'ioredis';
import { describeNode } from '../address.ts';

/** What was answered, or why nothing was. */
export type Asked<T> = { readonly value: T } | { readonly refused: string };

/** Names and values, as Redis gives them. */
export type Fields = ReadonlyMap<string, string>;

/** What one server says of itself. */
export interface ServerFacts {
  /** `host:port`. */
  readonly address: string;
  /** INFO. */
  readonly info: Asked<Fields>;
  /** CONFIG GET of `SETTINGS`. */
  readonly config: Asked<Fields>;
  /** Why it runs no scripts; null when it does. */
  readonly scriptFault: string | null;
  /** CLUSTER INFO; null when it is no node of a Cluster. */
  readonly cluster: Asked<Fields> | null;
  /** Its clock less ours, in milliseconds, give or take half of `roundTripMs`. */
  readonly clock: Asked<{ readonly aheadMs: number; readonly roundTripMs: number }>;
}

export const SETTINGS = [
  'appendfsync',
  'client-output-buffer-limit',
  'min-replicas-to-write',
  'notify-keyspace-events',
  'save',
] as const;

/** Takes one argument, so that it is seen whether they arrive. */
const PROBE_SCRIPT = 'return ARGV[1]';
const PROBE_WORD = 'doctor';
const CLOCK_SAMPLES = 5;

/** Asks a server over the connection for commands. Never rejects. */
export async function serverFacts(server: Redis, ofCluster: boolean): Promise<ServerFacts> {
  const [info, config, scriptFault, cluster, clock] = await Promise.all([
    ask(async () => fieldsOf(await server.info())),
    ask(async () => pairsOf(await server.call('CONFIG', 'GET', ...SETTINGS))),
    scriptFaultOf(server),
    ofCluster ? ask(async () => fieldsOf(String(await server.call('CLUSTER', 'INFO')))) : null,
    ask(() => clockOf(server)),
  ]);
  return { address: addressOfServer(server), info, config, scriptFault, cluster, clock };
}

export async function ask<T>(question: () => Promise<T>): Promise<Asked<T>> {
  try {
    return { value: await question() };
  } catch (error) {
    return { refused: reasonOf(error) };
  }
}

async function scriptFaultOf(server: Redis): Promise<string | null> {
  try {
    const answer = await server.eval(PROBE_SCRIPT, 0, PROBE_WORD);
    return answer === PROBE_WORD ? null : 'a script gave another answer than it should';
  } catch (error) {
    return reasonOf(error);
  }
}

/** One after the other: what waits in a pipeline would be measured too. The quickest is the best. */
async function clockOf(server: Redis): Promise<{ aheadMs: number; roundTripMs: number }> {
  const samples = [];
  for (let count = 0; count < CLOCK_SAMPLES; count += 1) {
    const asked = performance.now();
    const [seconds, micros] = await server.time();
    const roundTripMs = performance.now() - asked;
    const serverNow = Number(seconds) * 1000 + Number(micros) / 1000;
    samples.push({ aheadMs: serverNow - (Date.now() - roundTripMs / 2), roundTripMs });
  }
  const [best] = samples.toSorted((a, b) => a.roundTripMs - b.roundTripMs);
  if (best === undefined) throw new Error('no answer');
  return best;
}

/** Behind Sentinels the options name those: the address is that of the connection. */
function addressOfServer(server: Redis): string {
  const stream = (server as { stream?: { remoteAddress?: string; remotePort?: number } }).stream;
  const { host = '', port = 0, sentinels } = server.options;
  const known =
    sentinels && stream ? { host: stream.remoteAddress ?? '', port: stream.remotePort ?? 0 } : { host, port };
  return describeNode(known);
}

/** The lines `name:value` of INFO and CLUSTER INFO. */
export function fieldsOf(text: string): Fields {
  return new Map(
    text.split(/\r?\n/).flatMap((line) => {
      const colon = line.indexOf(':');
      return colon <= 0 || line.startsWith('#') ? [] : [[line.slice(0, colon), line.slice(colon + 1)] as const];
    }),
  );
}

/** A map, by either protocol. */
function pairsOf(answer: unknown): Fields {
  if (answer instanceof Map) return new Map([...answer].map(([name, value]) => [String(name), String(value)]));
  if (Array.isArray(answer)) {
    return new Map(
      answer.flatMap((name, index) => (index % 2 === 0 ? [[String(name), String(answer[index + 1])] as const] : [])),
    );
  }
  if (typeof answer === 'object' && answer !== null) {
    return new Map(Object.entries(answer).map(([name, value]) => [name, String(value)]));
  }
  return new Map();
}
