import type { DrainOutcome, EdgeDetails } from '@holdfast/broker/edge-state';
import { RedisUnavailable } from '@holdfast/redis/unavailable';

import { capacityResponse, drainResponse, type edgeSummary, edgesResponse } from '@holdfast/protocol/rest/edges';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import { needsKey } from '../auth/authorization.ts';
import { ProblemError } from '../http/problem-error.ts';
import { BODY_CODES, KEY_CODES, answers, edgePath, keyed } from '../openapi/schemas.ts';
import type { Services } from '../services.ts';
import { capacityOf } from './capacity.ts';

const tags = ['operations'];

/** Looking at edges, and draining them. */
export const edgeRoutes: FastifyPluginAsyncZod<Services> = async (app, { broker, keys }) => {
  app.get(
    '/v1/edges',
    {
      onRequest: needsKey(keys, 'manage'),
      schema: {
        operationId: 'listEdges',
        summary: 'List all live edges, and how busy each is',
        tags,
        security: keyed,
        response: answers({ 200: edgesResponse.describe('Every live edge') }, KEY_CODES),
      },
    },
    async () => ({ edges: (await broker.liveEdges()).map(summaryOf) }),
  );

  app.post(
    '/v1/edges/:edge/drain',
    {
      onRequest: needsKey(keys, 'manage'),
      config: { audit: 'drain-edge' },
      schema: {
        operationId: 'drainEdge',
        summary: 'Have an edge close its connections, and take no more',
        description:
          'As at SIGTERM: the connections are closed with 1012, spread over EDGE_DRAIN_SECONDS, and their clients connect ' +
          'to other edges. The process stays, answers 503 at `/readyz`, and waits for `undrain`.',
        tags,
        security: keyed,
        params: edgePath,
        response: answers({ 202: drainResponse.describe('The edge follows within a second') }, [
          ...KEY_CODES,
          ...BODY_CODES,
          'edge-not-found',
        ]),
      },
    },
    async (request, reply) => {
      const id = request.params.edge;
      requireEdge(await broker.requestDrain(id, true), id);
      return reply.code(202).send({ id, draining: true });
    },
  );

  app.post(
    '/v1/edges/:edge/undrain',
    {
      onRequest: needsKey(keys, 'manage'),
      config: { audit: 'undrain-edge' },
      schema: {
        operationId: 'undrainEdge',
        summary: 'Have an edge take connections again',
        description: 'Also while it drains: what is not closed yet stays. An edge whose process ends goes on to drain.',
        tags,
        security: keyed,
        params: edgePath,
        response: answers({ 202: drainResponse.describe('The edge follows within a second') }, [
          ...KEY_CODES,
          ...BODY_CODES,
          'edge-not-found',
        ]),
      },
    },
    async (request, reply) => {
      const id = request.params.edge;
      const outcome = requireEdge(await broker.requestDrain(id, false), id);
      return reply.code(202).send({ id, draining: outcome === 'leaving' });
    },
  );
};

/** @throws {ProblemError} edge-not-found */
function requireEdge(outcome: DrainOutcome, id: string): DrainOutcome {
  if (outcome === 'not-found') throw new ProblemError('edge-not-found', { detail: `No live edge has the id "${id}"` });
  if (outcome === 'too-old') {
    throw new ProblemError('edge-not-found', {
      detail: `The edge "${id}" is of a version that drains at SIGTERM only`,
    });
  }
  return outcome;
}

function summaryOf(edge: EdgeDetails): z.output<typeof edgeSummary> {
  const { id, url, connections, maxConnections, draining, leaving, startedAt, load = null, facts = {} } = edge;
  const { version, pid, worker, heartbeatMs, origins, trustedProxies, system } = facts;
  return {
    id,
    url,
    connections,
    maxConnections,
    draining,
    leaving,
    startedAt: new Date(startedAt).toISOString(),
    version,
    pid,
    worker,
    heartbeatMs,
    maxOpenFiles: system?.maxOpenFiles,
    origins,
    trustedProxies,
    load,
  };
}

/** Looking at what the installation uses and what more fits in. */
export const capacityRoutes: FastifyPluginAsyncZod<Services> = async (app, { broker, keys, redisLoads }) => {
  app.get(
    '/v1/capacity',
    {
      onRequest: needsKey(keys, 'manage'),
      schema: {
        operationId: 'readCapacity',
        summary: 'What the installation uses, what limits it first, and what more fits in; takes half a second',
        tags,
        security: keyed,
        response: answers({ 200: capacityResponse.describe('As of now') }, KEY_CODES),
      },
    },
    async () => {
      const [edges, redis] = await Promise.all([broker.liveEdges(), redisLoads().catch(unavailable)]);
      return capacityOf(edges, redis);
    },
  );
};

function unavailable(error: unknown): never {
  throw new RedisUnavailable(error);
}
