import type { App } from './app.ts';
import { PusherClient } from './client.ts';

const KNOWN_WITHIN_MS = 30_000;

/**
 * Waits until each of these edges that is up takes connections of the app: control-api tells them which apps there are. The
 * handshakes of a run are then those that its fault causes.
 */
export async function appKnown(app: App, edgeUrls: readonly string[]): Promise<void> {
  await Promise.all(
    edgeUrls.map(async (url) => {
      if (!(await isUp(url))) return;
      const known = Promise.withResolvers<void>();
      const client = new PusherClient({
        app,
        edgeUrls: [url],
        random: () => 0,
        onHandshake: () => undefined,
        onEstablished: () => known.resolve(),
        onText: () => undefined,
        onEnd: () => undefined,
        onComplaint: () => undefined,
      });
      const timer = setTimeout(() => known.reject(new Error(`${url} knows no app`)), KNOWN_WITHIN_MS);
      client.connect();
      try {
        await known.promise;
      } finally {
        clearTimeout(timer);
        client.close();
      }
    }),
  );
}

async function isUp(url: string): Promise<boolean> {
  return fetch(`${url.replace('ws', 'http')}/healthz`).then(
    () => true,
    () => false,
  );
}
