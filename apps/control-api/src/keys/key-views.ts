import type { ApiKeys, KeyUsage } from '@holdfast/broker/broker';
import type { ApiKey } from '@holdfast/protocol/api-key';
import type { keySummary, keysResponse } from '@holdfast/protocol/rest/keys';
import type { z } from 'zod';
import { type KeyRing, hasExpired } from '../auth/authentication.ts';

/** The hash of the secret is never shown. */
type ShownKey = Omit<ApiKey, 'secretSha256'>;

const NOTHING: KeyUsage = { clients: 0, topics: 0, historyMessages: 0, usedAt: null };

/** @param after the id behind which the page begins; null: the first */
export async function listKeys(
  broker: ApiKeys,
  keys: KeyRing,
  after: string | null,
  limit: number,
): Promise<z.output<typeof keysResponse>> {
  const rest = keys
    .ids()
    .filter((id) => after === null || id > after)
    .toSorted();
  const ids = rest.slice(0, limit);
  const usages = await broker.readKeyUsages(ids);
  return {
    keys: ids.flatMap((id, index) => {
      // The file may have been read again meanwhile.
      const key = keys.get(id);
      return key === undefined ? [] : [summaryOf(key, usages[index] ?? NOTHING)];
    }),
    cursor: rest.length > limit ? (ids.at(-1) ?? null) : null,
  };
}

/** One key as the list has it. */
export async function readKey(broker: ApiKeys, key: ShownKey): Promise<z.output<typeof keySummary>> {
  const [usage = NOTHING] = await broker.readKeyUsages([key.id]);
  return summaryOf(key, usage);
}

/** Field by field: what is added to keys one day is not shown before somebody has thought of it. */
function summaryOf(key: ShownKey, { usedAt, ...used }: KeyUsage): z.output<typeof keySummary> {
  const { register, subscribe, publish, manage, create, presence } = key.can;
  return {
    id: key.id,
    can: { register, subscribe, publish, manage, create, presence },
    maxClients: key.maxClients,
    maxTopics: key.maxTopics,
    maxHistoryMessages: key.maxHistoryMessages,
    expiresAt: key.expiresAt,
    expired: hasExpired(key),
    tokens: key.tokens === undefined ? null : tokensOf(key.tokens),
    pusher: key.pusher === undefined ? null : { appId: key.pusher.appId, key: key.pusher.key },
    used,
    lastUsedAt: usedAt === null ? null : new Date(usedAt).toISOString(),
  };
}

function tokensOf(settings: NonNullable<ApiKey['tokens']>): z.output<typeof keySummary>['tokens'] {
  const { alg, issuer = null, audience, maxSeconds } = settings;
  return { alg, issuer, audience, maxSeconds, jwksUrl: 'jwksUrl' in settings ? (settings.jwksUrl ?? null) : null };
}
