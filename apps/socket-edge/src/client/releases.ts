import type { EdgeBroker } from '@holdfast/broker/broker';
import type { DisconnectReason } from '@holdfast/protocol/events';
import { RetryQueue } from '../schedule/retry-queue.ts';

interface Release {
  clientId: string;
  generation: number;
  /** How the connection ended. */
  reason: DisconnectReason;
  /** Called when Redis has taken it. */
  onReleased?: () => void;
}

/** Clients to release in Redis because their connections ended here. While Redis is away the lease speaks for this edge. */
export class Releases extends RetryQueue<Release> {
  constructor(broker: Pick<EdgeBroker, 'release'>, edge: string) {
    super(async ({ clientId, generation, reason, onReleased }) => {
      await broker.release(clientId, edge, generation, reason);
      onReleased?.();
    });
  }
}
