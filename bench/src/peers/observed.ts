import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startHoldfast } from './holdfast.ts';
import type { Peer, PeerContext } from './peer.ts';
import { startReceiver } from './receiver.ts';

/** One trace in a hundred, as an operator would set it. */
const SHARE = '0.01';

/** Holdfast as it is watched: with nothing, and with webhooks and traces on, alone and together. */
export const observed: readonly Peer[] = [
  variant('off', false, false),
  variant('webhooks', true, false),
  variant('traces 1 %', false, true),
  variant('both', true, true),
];

function variant(name: string, webhooks: boolean, traces: boolean): Peer {
  return {
    name,
    description: 'one control-api, Redis and one edge',
    prepare: async () => ({ version: `this repository, Node ${process.versions.node}` }),
    start: async (layout, context) => {
      await using started = new AsyncDisposableStack();
      const { url } = started.use(await startReceiver());
      const running = await startHoldfast(
        {
          ...(webhooks && (await webhooksTo(url, context))),
          ...(traces && {
            OTEL_EXPORTER_OTLP_ENDPOINT: url,
            OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
            OTEL_TRACES_SAMPLER_ARG: SHARE,
          }),
        },
        layout,
        context,
      );
      started.defer(() => running.stop());
      const all = started.move();
      return { ...running, stop: () => all.disposeAsync() };
    },
  };
}

/** What happens to clients and topics goes to one endpoint. */
async function webhooksTo(url: string, { directory }: PeerContext): Promise<Record<string, string>> {
  const file = join(directory, 'webhooks.json');
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  await writeFile(file, JSON.stringify({ endpoints: [{ id: 'bench', url, secret, types: ['client.*', 'topic.*'] }] }));
  return { WEBHOOKS_FILE: file, WEBHOOKS_ALLOW_PRIVATE: '1' };
}
