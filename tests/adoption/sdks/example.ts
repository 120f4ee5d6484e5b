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

/** What comes of an example that does all that it should. */
export const WORKING = {
  /** By a client of the client library. */
  received: [{ home: 2, away: 1 }],
  verified: true,
  refused: 3,
  answers: { genuine: 204, forged: [400, 400, 400] },
};

/** Starts an endpoint, and gives its answers to a webhook and to forged copies of it. */
export async function webhookAnswers(
  { rest, relay, caughtUp, variables }: SdkInstallation,
  command: Command,
): Promise<typeof WORKING.answers> {
  await caughtUp();
  const before = relay.outcomes().length;
  const endpoint = await spawnChild({
    ...command,
    env: { ...command.env, ...variables },
    cleanUp: { script: 'kill -KILL "$1"' },
  });
  try {
    const port = await lineOf(endpoint, 'the endpoint', LISTENING_MS, (line) => /^listening: (\d+)$/.exec(line)?.[1]);
    relay.passOnTo(Promise.resolve(`http://127.0.0.1:${port}/`));
    await rest.publish('news.sport', { home: 2, away: 1 });
    return await eventually(() => relay.outcomes()[before] ?? expect.unreachable('no answer'), PATIENT);
  } finally {
    relay.passOnTo(undefined);
    await endpoint.stop(0);
  }
}

/** Runs the example of an SDK, with forged webhooks before the one that tells of what it publishes. */
export async function runExample(installation: SdkInstallation, command: Command): Promise<typeof WORKING> {
  const { rest, relay, variables } = installation;
  await installation.caughtUp();
  const { clientId, connect: edges } = await rest.register({ topics: ['news.sport'] });
  const client = connect({ ...edges, clientId });
  const received: typeof WORKING.received = [];
  client.on('message', ({ data }) => received.push(data as (typeof received)[0]));
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
    const { code } = await example.exited;
    const printed = example.lines().join('\n');
    if (code !== 0) throw new Error(`the example ended with ${code}:\n${printed}`);
    // It may have ended before its answer and the message have arrived here.
    const answers = await eventually(() => {
      expect(received).not.toHaveLength(0);
      return relay.outcomes().at(-1) ?? expect.unreachable('no answer');
    }, PATIENT);
    return {
      received,
      verified: /^verified: message\.published news\.sport .*home.*2/m.test(printed),
      refused: printed.match(/^refused: signature$/gm)?.length ?? 0,
      answers,
    };
  } finally {
    relay.passOnTo(undefined);
    await example.stop(0);
    client.close();
  }
}
