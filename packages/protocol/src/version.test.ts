import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { downFrame } from './down.ts';
import { problem } from './problems.ts';
import * as capacity from './rest/capacity.ts';
import * as clients from './rest/clients.ts';
import * as edges from './rest/edges.ts';
import * as messages from './rest/messages.ts';
import * as topics from './rest/topics.ts';
import { upFrame } from './up.ts';
import { PROTOCOL_FINGERPRINT, PROTOCOL_VERSION, SUBPROTOCOL } from './version.ts';

const DIGITS = 16;
const CHANGED = `The frames or bodies have changed. If a client or an edge of the previous version would misread what it gets
now, or is refused what it sends, raise PROTOCOL_VERSION in version.ts and say so in docs/protocol.md and CHANGELOG.md.
If it would not notice (an optional field in an answer, a description), the version stays. In both cases put the new
fingerprint into version.ts`;

/** Every frame and body, as what is sent. */
function schemas(): Record<string, z.ZodType> {
  const bodies = Object.entries({ ...capacity, ...clients, ...edges, ...messages, ...topics, problem }).filter(
    ([, schema]: [string, unknown]) => schema instanceof z.ZodType,
  );
  return { upFrame, downFrame, ...Object.fromEntries(bodies) };
}

describe('the protocol version', () => {
  test('stands for these frames and bodies', () => {
    const all = Object.entries(schemas()).toSorted(([a], [b]) => (a < b ? -1 : 1));
    // `input`: what stands on the wire, before names are made small or lists are made of strings.
    const text = JSON.stringify(all.map(([name, schema]) => [name, z.toJSONSchema(schema, { io: 'input' })]));
    const fingerprint = createHash('sha256').update(text).digest('hex').slice(0, DIGITS);
    expect(fingerprint === PROTOCOL_FINGERPRINT ? 'as pinned' : `${CHANGED}: ${fingerprint}`).toBe('as pinned');
  });

  test('covers every body there is', () => {
    expect(Object.keys(schemas())).toEqual(
      expect.arrayContaining([
        'capacityResponse',
        'registerRequest',
        'topicsResponse',
        'batchRequest',
        'putTopicRequest',
        'edgesResponse',
        'problem',
      ]),
    );
  });

  test('is the one that the subprotocol names', () => {
    expect(SUBPROTOCOL).toBe(`holdfast.v${PROTOCOL_VERSION}`);
  });
});
