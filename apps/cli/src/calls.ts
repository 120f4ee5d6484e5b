import type { NewKey } from '@holdfast/keys-file/keys-file';
import type { capacityResponse } from '@holdfast/protocol/rest/edges';
import type { topicsListResponse } from '@holdfast/protocol/rest/topics';
import type { Invocation } from './invocation.ts';

export type Capacity = (typeof capacityResponse)['_output'];
type TopicNames = (typeof topicsListResponse)['_output'];

/** The key as it is presented, shown this once. */
interface CreatedKey {
  id: string;
  key: string;
}

interface RevokedKey {
  id: string;
  /** Those that were unregistered. */
  clients: number;
  /** More of them are being unregistered: the same call again waits for the end. */
  done?: false;
}

/** Calls for operators, which are no part of the SDK. */
export function operatorCalls({ call }: Pick<Invocation, 'call'>) {
  return {
    capacity: async () => (await call())<Capacity>({ method: 'GET', path: '/v1/capacity' }),
    topicsWith: async (prefix: string, limit: number) =>
      (await call())<TopicNames>({ method: 'GET', path: '/v1/topics', query: { prefix: prefix || undefined, limit } }),
    createKey: async (key: NewKey) =>
      (await call())<CreatedKey>({ method: 'POST', path: '/v1/keys', body: JSON.stringify(key) }),
    revokeKey: async (id: string, clients: boolean) =>
      (await call())<RevokedKey>({
        method: 'DELETE',
        path: `/v1/keys/${encodeURIComponent(id)}`,
        query: { clients: clients ? 'true' : undefined },
      }),
  };
}
