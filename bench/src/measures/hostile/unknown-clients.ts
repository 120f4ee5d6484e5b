import { randomUUID } from 'node:crypto';
import { type Attacker, get } from './attacker.ts';

const SOCKETS = 50;
const AHEAD = 100;
const IDS = 1000;

/** Asks for clients that there are none of, without a credential. */
export const unknownClients: Attacker = {
  id: 'unknownClients',
  title: 'fifty that ask ahead for unknown clients',
  prepare: async ({ controlPort }) => ({
    port: controlPort,
    sockets: SOCKETS,
    requests: Array.from({ length: IDS }, () => get(`/v1/clients/${randomUUID()}`)),
    ahead: AHEAD,
    reads: true,
  }),
};
