import { readFile } from 'node:fs/promises';
import { eventually } from '@holdfast/testkit/eventually';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import type { Backend } from './backend.ts';
import type { PageServer } from './page-server.ts';

/** A reconnect may wait for several delays, and a browser on a busy machine takes its time. */
export const PATIENCE = { timeoutMs: 30_000 };

const TOPIC = 'news.sport';

/** The page that the README of the SDK shows, with the backend that it asks for a client. */
export interface ReadmePage {
  /** Those that were registered, in order. */
  readonly clients: readonly string[];
  readonly publish: (data: string) => Promise<unknown>;
  /** Waits until so many clients have been registered, and those of these numbers, by default the last, are connected. */
  readonly isServed: (count: number, connected?: readonly number[]) => Promise<void>;
  /** Waits until the page shows these messages and no other. */
  readonly shows: (page: Page, ...data: string[]) => Promise<void>;
}

export async function serveReadmePage(site: PageServer, backend: Backend): Promise<ReadmePage> {
  const readme = await readFile(new URL('../../packages/client/README.md', import.meta.url), 'utf8');
  const example = /## A page that outlives reloads\n.*?```html\n(.*?)```/s.exec(readme)?.[1] ?? '';
  await backend.topic(TOPIC);
  const clients: string[] = [];
  // `no-store` would keep it out of the back/forward cache.
  site.serve('/', 'text/html', () => `<!doctype html><title>README</title><body>${example}`, 'no-cache');
  site.serve('/my-backend/register', 'application/json', async () => {
    const { body } = await backend.call<{ clientId: string }>('POST', '/v1/clients', { body: { topics: [TOPIC] } });
    clients.push(body.clientId);
    return JSON.stringify({ ...body, controlUrl: backend.installation.controlUrl });
  });
  return {
    clients,
    publish: (data) => backend.publish(TOPIC, data),
    isServed: (count, connected = [count - 1]) =>
      eventually(async () => {
        expect(clients).toHaveLength(count);
        for (const number of connected) {
          const { body } = await backend.call('GET', `/v1/clients/${clients[number]}`);
          expect(body).toMatchObject({ connected: true });
        }
      }, PATIENCE),
    shows: (page, ...data) =>
      eventually(async () => {
        const lines = data.map((text) => `${TOPIC}: ${JSON.stringify(text)}`);
        expect((await page.innerText('body')).trim().split(/\s*(?=news\.sport: )/)).toEqual(lines);
      }, PATIENCE),
  };
}
