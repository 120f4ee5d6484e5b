/** How much of everything. */
export interface Amounts {
  rounds: number;
  /** Bytes of a message. */
  size: number;
  /** How long a server rests before its memory is read: memory used for handshakes is released meanwhile. */
  settleMs: number;
  delivery: { connections: number; warmUp: number; broadcasts: number };
  bursts: { connections: number; warmUp: number; bursts: number; messages: number };
  latency: { connections: number; publishers: number; rate: number; seconds: number };
  return: { connections: number; everyMs: number };
  growth: { connections: readonly number[]; topics: readonly number[]; broadcasts: number; subscribers: number };
  /** The bystander's calls. */
  hostile: { rate: number; seconds: number };
  tokens: { clients: number; byKey: number; renewalsPerSecond: number; seconds: number };
  rest: { registrations: number; publishes: number; batches: number; atOnce: number };
  /** The garbage of the handshakes is collected during the rest; it is not part of what idle connections cost. */
  idle: { connections: number; restSeconds: number; seconds: number };
  /** The latency beside figures of others: as many as they had. */
  pusher: { subscribers: number; messages: number; everyMs: number };
}

const full: Amounts = {
  rounds: 5,
  size: 150,
  settleMs: 2000,
  delivery: { connections: 15_000, warmUp: 10, broadcasts: 40 },
  bursts: { connections: 5000, warmUp: 1, bursts: 2, messages: 100 },
  // 20,000 deliveries a second: the slowest peer is then busy for half of the time.
  latency: { connections: 10_000, publishers: 40, rate: 2, seconds: 10 },
  return: { connections: 20_000, everyMs: 500 },
  growth: { connections: [1000, 5000, 15_000, 60_000], topics: [1, 100, 10_000], broadcasts: 20, subscribers: 1000 },
  hostile: { rate: 100, seconds: 10 },
  tokens: { clients: 20_000, byKey: 5000, renewalsPerSecond: 500, seconds: 20 },
  rest: { registrations: 20_000, publishes: 20_000, batches: 100, atOnce: 64 },
  idle: { connections: 10_000, restSeconds: 45, seconds: 60 },
  pusher: { subscribers: 500, messages: 20, everyMs: 250 },
};

/** A check that everything works; its figures mean little. */
const quick: Amounts = {
  rounds: 1,
  size: 150,
  settleMs: 200,
  delivery: { connections: 200, warmUp: 1, broadcasts: 5 },
  bursts: { connections: 100, warmUp: 1, bursts: 1, messages: 100 },
  latency: { connections: 200, publishers: 4, rate: 10, seconds: 1 },
  return: { connections: 100, everyMs: 100 },
  growth: { connections: [100, 200], topics: [1, 20], broadcasts: 5, subscribers: 50 },
  hostile: { rate: 50, seconds: 1 },
  tokens: { clients: 100, byKey: 50, renewalsPerSecond: 20, seconds: 1 },
  rest: { registrations: 200, publishes: 200, batches: 2, atOnce: 16 },
  idle: { connections: 100, restSeconds: 0, seconds: 1 },
  pusher: { subscribers: 50, messages: 4, everyMs: 50 },
};

export const profiles = { full, quick };
