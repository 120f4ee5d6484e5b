import { randomUUID } from 'node:crypto';
import { forEachBounded } from '../../bounded.ts';
import { type Attacker, request } from './attacker.ts';

const CLIENTS = 8;
const TOPICS = 1000;
const AT_ONCE = 16;

/** Clients that subscribe to a thousand topics and unsubscribe again, by their ids alone. */
export const clientToggles: Attacker = {
  id: 'clientToggles',
  title: 'eight clients that toggle a thousand topics each',
  prepare: async (installation) => {
    const topics = Array.from({ length: TOPICS }, (_, index) => `hostile.toggled.${index}`);
    await forEachBounded(topics, AT_ONCE, (topic) => installation.call('PUT', `/v1/topics/${topic}`, '{}'));
    const clients = Array.from({ length: CLIENTS }, () => randomUUID());
    for (const clientId of clients) await installation.call('POST', '/v1/clients', JSON.stringify({ clientId }));
    const body = JSON.stringify({ topics });
    const both = (clientId: string) =>
      ['POST', 'DELETE'].map((method) => request(method, `/v1/clients/${clientId}/topics`, {}, body));
    return {
      port: installation.controlPort,
      sockets: CLIENTS,
      requests: clients.flatMap(both),
      ahead: 1,
      reads: true,
    };
  },
};
