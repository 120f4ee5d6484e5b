import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface TcpProxy {
  readonly port: number;
  /** The address of the proxy with a scheme: `url('redis')` is `redis://127.0.0.1:…`. */
  readonly url: (scheme: string) => string;
  /** How many connections stand. */
  readonly connections: () => number;
  /** Ends every connection with a reset; new ones are accepted. */
  readonly cut: () => void;
  /** From now on new connections are ended as they come; those that stand stay. */
  readonly refuse: () => void;
  /** From now on bytes come late by so many milliseconds, in both directions. */
  readonly delay: (milliseconds: number) => void;
  /** From now on what comes from there is kept back, until `heal`; what goes there gets through. */
  readonly holdAnswers: () => void;
  /** How many bytes are on their way: the proof that a delay happens. */
  readonly bytesHeld: () => number;
  /** From now on nothing gets through in either direction, without any notice: a network that fell silent. */
  readonly blackHole: () => void;
  /** As `blackHole`, for good, but only for the connections that stand: new ones get through. */
  readonly strand: () => void;
  /** How many bytes were swallowed so far: the proof that a black hole happened. */
  readonly bytesSwallowed: () => number;
  /** Ends every fault. Bytes that were swallowed stay lost, so after `blackHole` cut the connections that stand. */
  readonly heal: () => void;
  /** Cuts everything and stops listening. */
  readonly stop: () => Promise<void>;
}

/** Where a proxy leads to. The port is looked at for each new connection. */
export interface Target {
  port: number;
  host?: string;
  /** Makes, for each connection, what changes the bytes that come from there. */
  rewrite?: () => (bytes: Buffer) => Buffer;
}

/** One connection through the proxy. */
interface Line {
  sockets: readonly [Socket, Socket];
  stranded: boolean;
}

/** The faults that are on, and what they did. One object for all connections: a change meets those that stand. */
interface Weather {
  refusing: boolean;
  swallowing: boolean;
  delayMs: number;
  /** Resolves when answers may pass again; null while they do. */
  holding: PromiseWithResolvers<void> | null;
  bytesHeld: number;
  bytesSwallowed: number;
}

const FAIR = { refusing: false, swallowing: false, delayMs: 0, holding: null };

/** A TCP proxy on 127.0.0.1 that can hurt what goes through it. */
export async function startTcpProxy(to: Target): Promise<TcpProxy> {
  const weather: Weather = { ...FAIR, bytesHeld: 0, bytesSwallowed: 0 };
  const lines = new Set<Line>();
  const cut = () => {
    for (const { sockets } of lines) for (const socket of sockets) socket.resetAndDestroy();
  };
  const server = createServer((near) => {
    if (weather.refusing) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(to.port, to.host ?? '127.0.0.1');
    const line: Line = { sockets: [near, far], stranded: false };
    join(near, far, weather, line, { rewrite: (bytes) => bytes, isAnswer: false });
    join(far, near, weather, line, { rewrite: to.rewrite?.() ?? ((bytes) => bytes), isAnswer: true });
    lines.add(line);
    for (const socket of line.sockets) {
      socket.once('close', () => {
        if (line.sockets.every(({ destroyed }) => destroyed)) lines.delete(line);
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy got no port');
  const { port } = address;
  return {
    port,
    url: (scheme) => `${scheme}://127.0.0.1:${port}`,
    connections: () => lines.size,
    cut,
    refuse: () => {
      weather.refusing = true;
    },
    delay: (milliseconds) => {
      weather.delayMs = milliseconds;
    },
    holdAnswers: () => {
      weather.holding ??= Promise.withResolvers();
    },
    blackHole: () => {
      weather.swallowing = true;
    },
    strand: () => {
      for (const line of lines) line.stranded = true;
    },
    heal: () => {
      weather.holding?.resolve();
      Object.assign(weather, FAIR);
    },
    bytesHeld: () => weather.bytesHeld,
    bytesSwallowed: () => weather.bytesSwallowed,
    stop: async () => {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
}

interface Direction {
  rewrite: (bytes: Buffer) => Buffer;
  /** Whether it leads from where the proxy leads to. */
  isAnswer: boolean;
}

/** Passes what comes from one end to the other, and its end with it. */
function join(from: Socket, to: Socket, weather: Weather, line: Line, { rewrite, isAnswer }: Direction): void {
  const isSilent = () => weather.swallowing || line.stranded;
  from.setNoDelay(true);
  // Bytes that were delayed must not be overtaken by later ones, nor by the end, when the delay gets shorter.
  let last = Promise.resolve();
  const afterDelay = (act: () => void) => {
    const held = isAnswer ? weather.holding : null;
    if (held !== null) last = last.then(() => held.promise);
    if (weather.delayMs === 0) {
      last = last.then(act);
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, weather.delayMs).unref();
    last = last.then(() => promise).then(act);
  };
  from.on('data', (received: Buffer) => {
    if (isSilent()) {
      weather.bytesSwallowed += received.length;
      return;
    }
    const bytes = rewrite(received);
    if (bytes.length === 0) return;
    weather.bytesHeld += bytes.length;
    afterDelay(() => {
      weather.bytesHeld -= bytes.length;
      if (to.destroyed || !to.writable) return;
      if (to.write(bytes)) return;
      from.pause();
      to.once('drain', () => from.resume());
    });
  });
  from.on('end', () => {
    if (!isSilent()) afterDelay(() => to.end());
  });
  // A reset on one side is a reset on the other, as without a proxy.
  from.on('error', () => {
    if (!line.stranded) to.resetAndDestroy();
  });
  from.on('close', () => {
    if (!isSilent()) afterDelay(() => to.destroy());
  });
}
