import { startInstallation, type Installation, type InstallationOptions } from '@holdfast/local/installation';
import { type Answer, type CallOptions, call } from '@holdfast/testkit/rest';
import { openSocket, type SocketOptions, type TestSocket } from '@holdfast/testkit/socket';
import { redisUrl } from '@holdfast/testkit/redis';
import { expect } from 'vitest';

/** What a backend team does with an installation: the calls of the tests, each expecting to succeed. */
export interface Backend {
  readonly installation: Installation;
  call<Body = Record<string, unknown>>(
    method: Parameters<typeof call>[1],
    path: string,
    options?: CallOptions,
  ): Promise<Answer<Body>>;
  topic(name: string, history?: { size?: number; seconds?: number }): Promise<void>;
  register(topics: readonly string[]): Promise<string>;
  /** Gives the id of the message. */
  publish(topic: string, data: unknown): Promise<string>;
  connect(clientId: string, options?: SocketOptions & { edge?: number }): Promise<TestSocket>;
}

/** Starts real processes on the Redis of this run. `await using` it. */
export async function startBackend(
  options: Pick<InstallationOptions, 'keys'> & {
    edges?: number;
    controls?: number;
    env?: Record<string, string>;
    redis?: { url: string };
  } = {},
): Promise<Backend & AsyncDisposable> {
  const installation = await startInstallation({
    edges: options.edges ?? 2,
    controls: options.controls ?? 1,
    redis: options.redis ?? { url: redisUrl() },
    env: options.env ?? {},
    announce: () => undefined,
    ...(options.keys === undefined ? {} : { keys: options.keys }),
  });
  const backend: Backend = {
    installation,
    call: (method, path, given = {}) =>
      call(installation.controlUrl, method, path, { key: installation.key, ...given }),
    async topic(name, history) {
      const answer = await backend.call('PUT', `/v1/topics/${name}`, { body: history ? { history } : {} });
      expect([200, 201]).toContain(answer.status);
    },
    async register(topics) {
      const body = topics.length > 0 ? { topics } : {};
      const answer = await backend.call<{ clientId: string }>('POST', '/v1/clients', { body });
      expect(answer.status).toBe(201);
      return answer.body.clientId;
    },
    async publish(topic, data) {
      const answer = await backend.call<{ id: string }>('POST', `/v1/topics/${topic}/messages`, { body: data });
      expect(answer.status).toBe(202);
      return answer.body.id;
    },
    async connect(clientId, given = {}) {
      const url = installation.edgeUrls[given.edge ?? 0];
      if (url === undefined) throw new Error('no such edge');
      return openSocket(url, { ...given, client: clientId });
    },
  };
  return { ...backend, [Symbol.asyncDispose]: () => installation.stop() };
}

/** The ids of the messages of a topic that a socket has received so far, in the order of arrival. */
export function idsOf(socket: TestSocket, topic: string): string[] {
  return socket.frames
    .filter((frame) => frame.type === 'message' && frame['topic'] === topic)
    .map((frame) => String(frame['id']));
}
