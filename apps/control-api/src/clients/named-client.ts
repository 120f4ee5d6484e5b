import type { ControlBroker } from '@holdfast/broker/broker';
import type { ClientState } from '@holdfast/broker/client-state';
import type { ApiKey } from '@holdfast/protocol/api-key';
import { isClientRef } from '@holdfast/protocol/client-id';
import type { ProblemCode } from '@holdfast/protocol/problems';
import type { FastifyRequest } from 'fastify';
import type { KeyRing } from '../auth/authentication.ts';
import { needsKey, requireManaging } from '../auth/authorization.ts';
import { mayHaveToken } from '../auth/token-calls.ts';
import { requireAuthorization } from '../auth/client-authorization.ts';
import { ProblemError } from '../http/problem-error.ts';

/** A client as a call with a key names it. */
export interface NamedClient {
  readonly client: ClientState;
  readonly ref: string;
  /** Its UUID, where the caller has it anyway or may have it. */
  readonly shownId: { clientId?: string };
}

/** A hook for calls whose path names a client by UUID, which is enough, or by ref, which takes a key with manage. */
export function refNeedsKey(keys: KeyRing) {
  const check = needsKey(keys, 'manage');
  return async (request: FastifyRequest): Promise<void> => {
    const { clientId } = request.params as { clientId?: string };
    if (isClientRef(clientId?.toLowerCase() ?? '')) await check(request);
  };
}

/** A hook for the same calls: a token may come with a UUID. */
export function uuidMayHaveToken(services: Parameters<typeof mayHaveToken>[0]) {
  const take = mayHaveToken(services);
  return async (request: FastifyRequest): Promise<void> => {
    if (request.principal === null) await take(request);
  };
}

/**
 * The client that a path names by UUID or ref.
 * @param key the caller's; null where the UUID was enough
 * @throws {ProblemError} of the code given, when there is no such client
 */
export async function namedClient(
  broker: ControlBroker,
  idOrRef: string,
  key: ApiKey | null,
  missing: ProblemCode,
): Promise<NamedClient> {
  const byRef = isClientRef(idOrRef);
  const clientId = byRef ? await broker.findByRef(idOrRef) : idOrRef;
  const client = clientId === null ? null : await broker.readClient(clientId);
  if (client === null) throw new ProblemError(missing);
  if (!byRef && key === null) requireAuthorization(client.identity.token);
  const [ref = ''] = byRef ? [idOrRef] : await broker.refsOf([client.clientId]);
  return { client, ref, shownId: !byRef || client.key === key?.id ? { clientId: client.clientId } : {} };
}

/** The same for a call that changes something about the client. @throws {ProblemError} not-permitted besides */
export async function managedClient(
  broker: ControlBroker,
  idOrRef: string,
  key: ApiKey,
  missing: ProblemCode,
): Promise<NamedClient> {
  const named = await namedClient(broker, idOrRef, key, missing);
  requireManaging(key, named.client.key);
  return named;
}
