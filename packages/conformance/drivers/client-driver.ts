import { createInterface } from 'node:readline';
import { type ConnectOptions, type HoldfastClient, connect } from '@holdfast/client';
import type { DriverConfig } from '../src/driver/driver.ts';
import type { DriverCommand } from '../src/scenario/scenario.ts';

/** Where the driver runs; a driver that is wrong on purpose replaces parts of it. */
export interface Surroundings {
  /** Takes an event. */
  print: (event: object) => void;
  /** Options of `connect` besides those of the scenario. */
  options?: Partial<Pick<ConnectOptions, 'WebSocket' | 'fetch' | 'webSocketOptions'>>;
  /** Gives the tokens of the scenario. */
  giveTokens?: (tokens: readonly string[]) => () => string | null;
  /** Before a command is carried out. */
  onCommand?: (command: DriverCommand['command']) => void;
}

/** Writes an event as a line of JSON to standard output. */
export function printLine(event: object): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

/** Reads what the scenario is, connects as it says, and does the application's part until standard input ends. */
export async function drive(surroundings: Surroundings): Promise<void> {
  // Node has no events of a network: the client listens to these as to those of a page.
  const page = new EventTarget();
  Object.assign(globalThis, {
    addEventListener: page.addEventListener.bind(page),
    removeEventListener: page.removeEventListener.bind(page),
  });
  let client: HoldfastClient | undefined;
  for await (const line of createInterface({ input: process.stdin })) {
    if (client === undefined) client = start(JSON.parse(line) as DriverConfig, surroundings);
    else {
      const command = JSON.parse(line) as DriverCommand;
      surroundings.onCommand?.(command.command);
      carryOut(client, command, page);
    }
  }
  process.exit();
}

function start(config: DriverConfig, { print, options, giveTokens = oneAfterTheOther }: Surroundings): HoldfastClient {
  const { urls, clientId, controlUrl, tokens, presence } = config;
  const client =
    tokens === undefined
      ? connect({ ...options, urls, clientId: String(clientId), controlUrl, presence: presence !== undefined })
      : connect({ ...options, controlUrl: String(controlUrl), getToken: giveTokens(tokens) });
  client.on('message', ({ topic, id, data }) => print({ event: 'message', topic, id, data }));
  client.on('lost', ({ topic, after, position }) => print({ event: 'lost', topic, after, position }));
  client.on('closed', ({ reason, code }) => print({ event: 'closed', reason, code }));
  client.on('state', ({ state }) => print({ event: 'state', state }));
  for (const topic of presence ?? []) watchPresence(client, topic, print);
  return client;
}

/** In the order of the list, and then none. */
export function oneAfterTheOther(tokens: readonly string[]): () => string | null {
  let given = 0;
  return () => tokens[given++] ?? null;
}

function watchPresence(client: HoldfastClient, topic: string, print: Surroundings['print']): void {
  const presence = client.presence(topic);
  presence.on('change', ({ count, countOnly }) => {
    print({ event: 'presence', topic, count, members: countOnly ? null : Object.fromEntries(presence) });
  });
}

function carryOut(client: HoldfastClient, given: DriverCommand, page: EventTarget): void {
  switch (given.command) {
    case 'subscribe':
      return void client.subscribe(given.topics);
    case 'online':
      return void page.dispatchEvent(new Event('online'));
    case 'close':
      return client.close();
  }
}
