/**
 * What things cost, as measured with this repository: docs/scaling.md says how and on what machine, and plans with the
 * same figures. Of a range the dearer end stands here.
 */
export const model = {
  /** CPU time of an edge to put one message of 100 to 200 bytes on one connection, in microseconds. 8 to 11 measured. */
  edgeDeliveryCpuMicros: 11,
  /** Memory of an edge for an idle connection with two topics, in bytes. 6 to 9 kB measured. */
  edgeConnectionBytes: 9_000,
  /** Memory of Redis for a registered client with two topics, in bytes. 303 to 381 measured. */
  redisClientBytes: 381,
  /** CPU time of Redis for one publish, script and log, in microseconds, under load. */
  redisPublishCpuMicros: 28,
  /** The same for each edge that hears it, once Redis is busy enough for answers to share a write. */
  redisHearingCpuMicros: 0.5,
  /**
   * The share of a core, and of memory, to plan with. Past it waiting times grow, and nothing is left for clients that
   * come back all at once.
   */
  usableShare: 0.8,
} as const;
