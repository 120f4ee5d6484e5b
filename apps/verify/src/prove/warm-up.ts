import { connect } from '@holdfast/client/connect';
import type { Control } from './control.ts';

/** Enough that V8 has compiled what a handshake and a resume run through. */
export const HANDSHAKES = 2000;
export const LANES = 16;

/**
 * Has clients connect to edges, resume and leave again, many times: edges that take over from others have been at work
 * for long, and those of a run have only just been started.
 */
export async function warmUp(control: Control, edgeUrls: readonly string[], topics: readonly string[]): Promise<void> {
  await Promise.all(edgeUrls.flatMap((url) => Array.from({ length: LANES }, () => lane(control, url, topics))));
}

async function lane(control: Control, url: string, topics: readonly string[]): Promise<void> {
  const { clientId } = await control.retrying((rest, signal) => rest.register({ topics, signal }));
  let positions: Record<string, string> | undefined;
  for (let handshake = 0; handshake < HANDSHAKES / LANES; handshake += 1) {
    const client = connect({ url, clientId, positions });
    await new Promise((resolve) => client.on('welcome', resolve));
    positions = client.positions();
    client.close();
    await client.closed;
  }
  await control.retrying((rest, signal) => rest.unregister(clientId, { signal }));
}
