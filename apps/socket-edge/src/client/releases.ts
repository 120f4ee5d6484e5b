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
  /** The last that waits of each client. */
  readonly #byClient: Map<string, Release>;

  constructor(broker: Pick<EdgeBroker, 'release'>, edge: string) {
    const byClient = new Map<string, Release>();
    super(async (release) => {
      const { clientId, generation, reason, onReleased } = release;
      await broker.release(clientId, edge, generation, reason);
      if (byClient.get(clientId) === release) byClient.delete(clientId);
      onReleased?.();
    });
    this.#byClient = byClient;
  }

  override add(release: Release): void {
    this.#byClient.set(release.clientId, release);
    super.add(release);
  }

  /** How the connection ended whose client waits to be released; undefined when none waits. */
  reasonOf(clientId: string): DisconnectReason | undefined {
    return this.#byClient.get(clientId)?.reason;
  }
}
