import { connect } from '@holdfast/client/connect';
import { lineOf, spawnChild } from '@holdfast/local/child';
import { eventually } from '@holdfast/testkit/eventually';
import { expect } from 'vitest';
import type { SdkInstallation } from './sdk-installation.ts';

const LISTENING_MS = 60_000;
/** A second try of a webhook comes after some seconds. */
const PATIENT = { timeoutMs: 60_000 };

interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Runs the example of an SDK: what it publishes arrives at a client of the client library, it believes the webhook that
 * tells of it, and none of the forged ones.
 */
export async function expectExampleWorks({ rest, relay, variables }: SdkInstallation, command: Command): Promise<void> {
  const { clientId, connect: edges } = await rest.register({ topics: ['news.sport'] });
  const client = connect({ ...edges, clientId });
  const received: unknown[] = [];
  client.on('message', ({ data }) => received.push(data));
  await new Promise((resolve) => client.on('welcome', resolve));

  const endpoint = Promise.withResolvers<string>();
  relay.passOnTo(endpoint.promise);
  const example = await spawnChild({
    ...command,
    env: { ...command.env, ...variables },
    cleanUp: { script: 'kill -KILL "$1"' },
  });
  try {
    const port = await lineOf(example, 'the example', LISTENING_MS, (line) => /^listening: (\d+)$/.exec(line)?.[1]);
    endpoint.resolve(`http://127.0.0.1:${port}/`);
    expect(await example.exited, example.lines().join('\n')).toEqual({ code: 0, signal: null });
  } finally {
    relay.passOnTo(undefined);
    await example.stop(0);
    client.close();
  }
  const lines = example.lines().join('\n');
  expect(lines).toMatch(/verified: message\.published news\.sport .*home.*2/);
  expect(lines.match(/refused: signature/g)).toHaveLength(3);
  // The relay sees the answer after the example that gave it may have ended.
  await eventually(() => {
    expect(relay.outcomes().at(-1)).toEqual({ genuine: 204, forged: [400, 400, 400] });
    expect(received).toEqual([{ home: 2, away: 1 }]);
  }, PATIENT);
}
