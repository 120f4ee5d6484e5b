import { type Child, lineOf, spawnChild } from '@holdfast/local/child';
import { HttpPool } from '../http-pool.ts';
import type { Settings } from '../generator.ts';
import type { Target } from '../crew.ts';
import { type Layout, type Message, type Running, type Surroundings } from './peer.ts';

const LISTENING_MS = 20_000;
const STOP_GRACE_MS = 5000;
const PUBLISHERS = 8;

export interface PlainServer {
  command: string;
  /** Its arguments on a port; 0: a free one. It prints "listening <port>". */
  args: (port: number) => readonly string[];
  env?: Readonly<Record<string, string | undefined>>;
  settings: Settings;
  /** What goes to all subscribers for a message; default: the message. */
  wrap?: (message: Message) => string;
  /** Also on this machine and part of the work: a Redis. */
  others?: readonly number[];
  /** Whether a message that one process has taken reaches the subscribers of all. */
  isCluster?: boolean;
  /** Ended after them. */
  alsoStop?: AsyncDisposableStack;
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
    this.http = new HttpPool(port, PUBLISHERS);
  }

  static async start(server: PlainServer): Promise<Process> {
    const { child, port } = await launch(server, 0);
    return new Process(server, child, port);
  }

  get pid(): number {
    return this.#child.pid;
  }

  async killAndStartAgain(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#child.exited;
    this.#child = (await launch(this.#server, this.port)).child;
    this.http.close();
    this.http = new HttpPool(this.port, PUBLISHERS);
  }

  async stop(): Promise<void> {
    this.http.close();
    this.#child.kill('SIGKILL');
    await this.#child.stop(STOP_GRACE_MS);
  }
}

async function launch(server: PlainServer, port: number): Promise<{ child: Child; port: number }> {
  const child = await spawnChild({
    command: server.command,
    args: server.args(port),
    env: server.env ?? { PATH: process.env['PATH'] },
    will: { script: 'kill -KILL "$1"' },
  });
  const listening = await lineOf(child, server.command, LISTENING_MS, (line) => /^listening (\d+)$/.exec(line)?.[1]);
  return { child, port: Number(listening) };
}

/**
 * Servers that know nothing but connections, topics by number in the path, and "POST /<topic>" with a message a line:
 * as many processes as the limit of descriptors demands.
 */
export async function startPlainServers(
  server: PlainServer,
  layout: Layout,
  { perProcess }: Surroundings,
): Promise<Running> {
  const count = Math.ceil(layout.connections / perProcess);
  const starts = await Promise.allSettled(Array.from({ length: count }, () => Process.start(server)));
  const processes = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  const stop = async () => {
    await Promise.all(processes.map((process) => process.stop()));
    await server.alsoStop?.disposeAsync();
  };
  const failure = starts.find((start) => start.status === 'rejected');
  if (failure !== undefined) {
    await stop();
    throw failure.reason;
  }
  const entrances = server.isCluster === true ? processes.slice(0, 1) : processes;
  const wrap = server.wrap ?? (({ data }) => data);
  const post = async (topic: number, lines: string) => {
    await Promise.all(entrances.map(({ http }) => http.call('POST', `/${topic}`, lines)));
  };
  return {
    get servers() {
      return processes.map(({ pid }) => pid);
    },
    others: server.others ?? [],
    settings: server.settings,
    targets: targetsOf(layout, processes),
    publish: (message) => post(message.topic, `${wrap(message)}\n`),
    publishAll: async (messages) => {
      const topics = Map.groupBy(messages, ({ topic }) => topic);
      await Promise.all(
        [...topics].map(([topic, ofTopic]) => post(topic, ofTopic.map((message) => `${wrap(message)}\n`).join(''))),
      );
    },
    killAndReplace: async () => {
      await processes[0]?.killAndStartAgain();
    },
    stop,
  };
}

function targetsOf(layout: Layout, processes: readonly Process[]): Target[] {
  return Array.from({ length: layout.connections }, (_, index) => {
    const topicNumbers = layout.topicsOf(index);
    return {
      ports: [processes[index % processes.length]?.port ?? 0],
      credential: '-',
      topics: topicNumbers.map(String),
      topicNumbers,
    };
  });
}
