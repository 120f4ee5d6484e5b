import type { RedisServer } from '@holdfast/local/redis-server';

/** Sends one command to each server; gives the answers in order. Rejects when one is away or refuses. */
export function askEach(
  servers: readonly RedisServer[],
  command: string,
  ...args: (string | number)[]
): Promise<unknown[]> {
  return Promise.all(servers.map((server) => server.ask(command, ...args)));
}

/** The same for a command that answers with a number: the sum. */
export async function askForSum(
  servers: readonly RedisServer[],
  command: string,
  ...args: (string | number)[]
): Promise<number> {
  return sum((await askEach(servers, command, ...args)).map(Number));
}

/** A field of INFO that is a number, added up. */
export async function infoSum(servers: readonly RedisServer[], field: string): Promise<number> {
  return sum(await Promise.all(servers.map((server) => server.infoNumber(field))));
}

/** How often the servers answered with an error of this kind, added up. */
export async function errorCount(servers: readonly RedisServer[], error: string): Promise<number> {
  const texts = servers.map((server) => server.info(`errorstat_${error}`).catch(() => 'count=0'));
  return sum((await Promise.all(texts)).map((text) => Number(text.replace('count=', ''))));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

const PREFIX = 'holdfast_';
const ANSWER_MS = 5000;

/**
 * The value of a service's metric by its name without prefix; of several, of the one whose labels begin so. Rejects when it does
 * not answer, or has no such metric.
 */
export async function readMetric(url: string, name: string, labels = ''): Promise<number> {
  const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(ANSWER_MS) });
  const text = await response.text();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${PREFIX}${name}{${labels}`));
  const value = Number(line?.split(' ').at(-1));
  if (line === undefined || Number.isNaN(value)) throw new Error(`${url}/metrics has no ${PREFIX}${name}`);
  return value;
}
