export const REDIS_KINDS = ['single', 'cluster', 'sentinel'] as const;

/** One Redis, a Cluster of three masters with a replica each, or a master with a replica and three Sentinels. */
export type RedisKind = (typeof REDIS_KINDS)[number];
