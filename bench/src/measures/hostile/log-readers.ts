import type { HoldfastInstallation } from '../../peers/holdfast-installation.ts';
import { type Attacker, get } from './attacker.ts';

const TOPIC = 'hostile.log';
const MESSAGES = 1000;
const MESSAGE = JSON.stringify('x'.repeat(65_000));
const READERS = 8;
/** More than a connection takes. */
const FAR_AHEAD = 1000;

async function page(installation: HoldfastInstallation, id: string): Promise<string> {
  await installation.call(
    'PUT',
    `/v1/topics/${TOPIC}`,
    JSON.stringify({ history: { size: MESSAGES, seconds: 86_400 } }),
  );
  for (let message = 0; message < MESSAGES; message += 1) {
    await installation.call('POST', `/v1/topics/${TOPIC}/messages`, MESSAGE);
  }
  const key = await installation.addKey({ id, can: { subscribe: [TOPIC] } });
  return get(`/v1/topics/${TOPIC}/messages?limit=1000`, { 'x-api-key': key });
}

/** A key that may only read one topic, with a log of large messages. */
export const logReaders: Attacker = {
  id: 'logReaders',
  title: 'eight readers of large pages',
  prepare: async (installation) => ({
    port: installation.controlPort,
    sockets: READERS,
    requests: [await page(installation, 'reader')],
    ahead: 1,
    reads: true,
  }),
};

/** The same, who never read what they ask for. */
export const logPipeliners: Attacker = {
  id: 'logPipeliners',
  title: 'eight that ask ahead for large pages and never read',
  prepare: async (installation) => ({
    port: installation.controlPort,
    sockets: READERS,
    requests: [await page(installation, 'pipeliner')],
    ahead: FAR_AHEAD,
    reads: false,
  }),
};
