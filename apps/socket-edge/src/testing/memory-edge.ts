import { captureLog } from '@holdfast/service/captured-log';
import type { Connection } from '../connection/connection.ts';
import { createEdge } from '../edge.ts';
import type { Claim } from '../connection/claim.ts';
import type { MemoryRedis } from './memory-redis.ts';
import { RecordingTransport } from './recording-transport.ts';
import { broadcast } from '../transport/broadcast.ts';
import { turns } from './turns.ts';

/** More than any chain of answers in these tests takes. */
const SETTLED_TURNS = 40;

/** A whole edge without a socket, on a Redis in memory. */
export function memoryEdge(redis: MemoryRedis, id = 'edge-a') {
  const log = captureLog();
  const edge = createEdge({
    id,
    broker: redis.broker(),
    channels: (listener) => redis.subscriber(id, listener),
    broadcast,
    logger: log.logger,
    heartbeatMs: 25_000,
    maxConnections: 100,
  });

  /** What the upgrade handler does with a good handshake; null for a client that is not registered. */
  async function connect(
    clientId: string,
    { resume = false, presence = false, socket = new RecordingTransport() } = {},
  ) {
    const claim = await edge.hub.claim(clientId);
    if (claim === null) return null;
    return { socket, connection: claim.open(socket, resume, presence) };
  }

  return {
    ...edge,
    edge,
    log,
    connect,
    /** The connection of a handshake whose claim was made before, until nothing more happens. */
    async opened(claim: Claim, { resume = false } = {}) {
      const socket = new RecordingTransport();
      const connection = claim.open(socket, resume);
      await turns(SETTLED_TURNS);
      return { socket, connection };
    },
    /** As `connect`, of a client that is registered, and until nothing more happens. */
    async connected(clientId: string, options: Parameters<typeof connect>[1] = {}) {
      const made = await connect(clientId, options);
      if (made === null) throw new Error('not registered');
      await turns(SETTLED_TURNS);
      return made;
    },
    /** The client's first frame. */
    async resume(connection: Connection, positions: Record<string, string>) {
      edge.hub.onText(connection, JSON.stringify({ type: 'resume', positions }));
      await turns(SETTLED_TURNS);
    },
    settled: () => turns(SETTLED_TURNS),
  };
}
