import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { HttpPool } from '@holdfast/harness/http-pool';
import { type Child, ChildFailed, lineOf, spawnChild } from '@holdfast/local/child';
import { isAlive } from '@holdfast/local/is-alive';
import type { RedisServer } from '@holdfast/local/redis-server';
import type { Settings } from '../generator.ts';
import type { Message } from '../message.ts';
import { withChildren } from '@holdfast/harness/cpu-time';
import { CALL_MS, type Layout, type PeerContext, type Running } from './peer.ts';

const LISTENING_MS = 20_000;
const LOOK_EVERY_MS = 20;
const PUBLISHERS = 8;

export interface PlainServer {
  command: string;
  /** Its arguments on a port; 0: a free one. It prints "listening <port>", unless `port` is given. */
  args: (port: number) => readonly string[];
  /** Where a server listens that does not print it. There is one process then, whatever it starts itself. */
  port?: number;
  settings: Settings;
  /** What goes to all subscribers for a message; default: the message. */
  wrap?: (message: Message) => string;
  /** For a server with calls of its own in place of "POST /<topic>". */
  publish?: (http: HttpPool, topic: number, messages: readonly string[]) => Promise<void>;
  /** Is part of the work, and stopped after the server. */
  redis?: RedisServer | undefined;
  /** Whether a message that one process has taken reaches the subscribers of all. */
  isCluster?: boolean;
}

/** One process and its address. */
class Process {
  readonly #server: PlainServer;
  #child: Child;
  readonly port: number;
  http: HttpPool;

  private constructor(server: PlainServer, child: Child, port: number) {
    this.#server = server;
    this.#child = child;
    this.port = port;
    this.http = callsTo(port);
  }

  static async start(server: PlainServer): Promise<Process> {
    const { child, port } = await launch(server, server.port ?? 0);
    return new Process(server, child, port);
  }

  get pid(): number {
    return this.#child.pid;
  }

  async killAndStartAgain(): Promise<void> {
    await killGroup(this.#child);
    this.#child = (await launch(this.#server, this.port)).child;
    this.http.close();
    this.http = callsTo(this.port);
  }

  async stop(): Promise<void> {
    this.http.close();
    await killGroup(this.#child);
  }
}

function callsTo(port: number): HttpPool {
  return new HttpPool(`http://127.0.0.1:${port}`, PUBLISHERS, {}, CALL_MS);
}

async function launch(server: PlainServer, port: number): Promise<{ child: Child; port: number }> {
  const child = await spawnChild({
    command: server.command,
    args: server.args(port),
    env: { PATH: process.env['PATH'] },
    // The whole group: a server may have processes of its own, which SIGKILL leaves without a parent. (Debian's sh
    // takes no "--" after "-KILL".)
    cleanUp: { script: 'kill -s KILL -- "-$1"' },
  });
  if (server.port !== undefined) {
    await listens(child, server);
    return { child, port };
  }
  const listening = await lineOf(child, server.command, LISTENING_MS, (line) => /^listening (\d+)$/.exec(line)?.[1]);
  return { child, port: Number(listening) };
}

/** Ends a server and the processes that it has started; all are in a group of their own. */
async function killGroup(child: Child): Promise<void> {
  const all = await withChildren([child.pid]);
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch (error) {
    // All of them have ended already.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
  await child.exited;
  while (all.some(isAlive)) await delay(LOOK_EVERY_MS);
}

/** Waits until a server takes connections. Rejects with what it printed when it ends, or takes too long. */
async function listens(child: Child, { command, port = 0 }: PlainServer): Promise<void> {
  const giveUpAt = performance.now() + LISTENING_MS;
  let ended = false;
  void child.exited.then(() => (ended = true));
  while (!(await canConnect(port))) {
    if (ended || performance.now() > giveUpAt) {
      await killGroup(child);
      throw new ChildFailed(`${command} does not listen on ${port}`, child.lines());
    }
    await delay(LOOK_EVERY_MS);
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      resolve(true);
      socket.destroy();
    });
  });
}

/**
 * Servers that know nothing but connections, topics by number in the path, and "POST /<topic>" with a message a line:
 * as many processes as the limit of descriptors demands.
 */
export async function startPlainServers(
  server: PlainServer,
  layout: Layout,
  { perProcess }: PeerContext,
): Promise<Running> {
  const count = server.port === undefined ? Math.ceil(layout.connections / perProcess) : 1;
  const starts = await Promise.allSettled(Array.from({ length: count }, () => Process.start(server)));
  const processes = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  const { redis, settings } = server;
  const stop = async () => {
    await Promise.all(processes.map((process) => process.stop()));
    await redis?.stop();
  };
  const failure = starts.find((start) => start.status === 'rejected');
  if (failure !== undefined) {
    await stop();
    throw failure.reason;
  }
  const entrances = server.isCluster === true ? processes.slice(0, 1) : processes;
  const wrap = server.wrap ?? (({ data }) => data);
  const publish = server.publish ?? postLines;
  const toAll = async (topic: number, messages: readonly string[]) => {
    await Promise.all(entrances.map(({ http }) => publish(http, topic, messages)));
  };
  return {
    get servers() {
      return processes.map(({ pid }) => pid);
    },
    others: redis === undefined ? [] : [redis.pid],
    settings,
    target: (connection) => {
      const topicNumbers = layout.topicsOf(connection);
      const ports = [processes[connection % processes.length]?.port ?? 0];
      return { ports, credential: '-', topics: topicNumbers.map(String), topicNumbers };
    },
    publish: (message) => toAll(message.topic, [wrap(message)]),
    publishAll: async (messages) => {
      const topics = Map.groupBy(messages, ({ topic }) => topic);
      await Promise.all([...topics].map(([topic, ofTopic]) => toAll(topic, ofTopic.map(wrap))));
    },
    killAndReplace: async () => {
      await processes[0]?.killAndStartAgain();
    },
    stop,
  };
}

async function postLines(http: HttpPool, topic: number, messages: readonly string[]): Promise<void> {
  await http.call('POST', `/${topic}`, messages.map((message) => `${message}\n`).join(''));
}
