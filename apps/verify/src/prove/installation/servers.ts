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
