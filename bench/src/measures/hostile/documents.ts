import { type Attacker, get } from './attacker.ts';

const FAR_AHEAD = 1000;
const AHEAD = 100;

/** Asks ahead for the document of the API and never reads it, without a credential. */
export const documents: Attacker = {
  id: 'documents',
  title: 'three that ask ahead for the document and never read',
  prepare: async ({ controlPort }) => ({
    port: controlPort,
    sockets: 3,
    requests: [get('/openapi.json')],
    ahead: FAR_AHEAD,
    reads: false,
  }),
};

/** Asks ahead for the metrics, without a credential. */
export const scrapes: Attacker = {
  id: 'scrapes',
  title: 'five that ask ahead for the metrics',
  prepare: async ({ controlPort }) => ({
    port: controlPort,
    sockets: 5,
    requests: [get('/metrics')],
    ahead: AHEAD,
    reads: true,
  }),
};
