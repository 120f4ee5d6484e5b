import { z } from 'zod';
import { clientId, clientRef, newClientId } from '../client-id.ts';
import { disconnectReason } from '../events.ts';
import { CLIENT_EXPIRY_SECONDS, MAX_TOPICS } from '../limits.ts';
import { position } from '../positions.ts';
import { clientInfo, registeredMay, tokenMay, userName } from '../user.ts';
import { MAX_TOPIC_NAME_LENGTH, TOPIC_NAME, topicName } from '../topic-name.ts';

/** For the document; the names themselves are judged one by one. */
const NAME_IN_TEXT = TOPIC_NAME.source.slice(1, -1);
const TOPICS_TEXT = `^ *${NAME_IN_TEXT} *(, *${NAME_IN_TEXT} *)*$`;

/** A comma-separated string or a list; the same topic twice is one topic. */
function topicsOf(least: 0 | 1) {
  const items = { type: 'string', pattern: TOPIC_NAME.source, maxLength: MAX_TOPIC_NAME_LENGTH };
  return z
    .union([z.string().transform((text) => text.split(',').map((name) => name.trim())), z.array(z.string())], {
      error: 'must be a list of topics, or a text with commas between them',
    })
    .meta({
      anyOf: [
        { type: 'string', pattern: TOPICS_TEXT, description: 'Topics with commas between them' },
        { type: 'array', items, minItems: least, maxItems: MAX_TOPICS },
      ],
    })
    .pipe(
      z
        .array(topicName)
        .min(least, 'must name at least one topic')
        .max(MAX_TOPICS, `must name at most ${MAX_TOPICS} topics`)
        .transform((names) => [...new Set(names)]),
    );
}

export const topicList = topicsOf(1);

const MAX_NAME_LENGTH = 100;
const NAME_LENGTH = `must be 1 to ${MAX_NAME_LENGTH} characters`;

export const clientName = z
  .string()
  .min(1, NAME_LENGTH)
  .max(MAX_NAME_LENGTH, NAME_LENGTH)
  // Two names that differ in lone surrogates only would be the same bytes in UTF-8, and so the same name in Redis.
  .refine((name) => name.isWellFormed(), 'must be well-formed Unicode, without lone surrogates')
  .regex(/^[^\p{Cc}]*$/u, 'must not contain control characters')
  .describe('Unique within the API key');

/** Of a client that is there: one of tokens may have the name of its user. */
export const knownClientName = z.union([clientName, userName], { error: 'must be a name of a client, or of a user' });

export const registerRequest = z
  .strictObject({
    name: clientName.optional(),
    topics: topicsOf(0).optional(),
    clientId: newClientId.optional(),
    user: userName.optional(),
    info: clientInfo.optional(),
    may: registeredMay.optional(),
    clientExpirySeconds: z
      .int()
      .min(CLIENT_EXPIRY_SECONDS.min)
      .max(CLIENT_EXPIRY_SECONDS.max)
      .optional()
      .describe('Forgotten when it has not been connected for so long, whatever its API key says'),
  })
  .nullish();

export const connectInfo = z.object({
  url: z
    .string()
    .nullable()
    .describe('Where to connect first: the less loaded of two edges taken at random; null while none is alive'),
  urls: z
    .array(z.string())
    .describe(
      'Where edges take connections, each URL once; while none does, those of full edges, else of draining ones',
    ),
});

export const registerResponse = z.object({
  clientId,
  name: z.string().nullable(),
  topics: z.array(topicName),
  connect: connectInfo,
  expiresAt: z.iso.datetime().optional().describe('Of a client of tokens: when its authorization ends'),
});

/** The UUID is a credential: a call by `ref` gets it only for a client of its own API key. */
const ownClientId = clientId.optional().describe('Only for who named it so, and for clients of the own API key');

export const unregisterResponse = z.object({ clientId: ownClientId, ref: clientRef.optional() });

export const topicsRequest = z.strictObject({ topics: topicList });

export const topicsResponse = z.object({
  clientId,
  topics: z.array(topicName).describe('All topics that the client now has'),
  connected: z.boolean(),
});

export const disconnectResponse = z.object({ clientId: ownClientId, ref: clientRef, connected: z.boolean() });

/** What the edge that holds the connection reports. */
export const served = z.record(z.string(), z.object({ position }));

export const clientResponse = z.object({
  clientId: ownClientId,
  ref: clientRef,
  name: z.string().nullable(),
  key: z.string().describe('The id of the API key it was registered with'),
  registeredAt: z.iso.datetime(),
  topics: z.array(topicName).describe('What it wants'),
  connected: z.boolean(),
  edge: z.string().nullable(),
  connection: z.string().nullable(),
  since: z.iso.datetime().nullable(),
  user: z.string().nullable(),
  info: z.unknown().describe('Any JSON; null: none'),
  may: tokenMay.nullable().describe('What it may do by itself; null: what its API key may'),
  expiresAt: z.iso.datetime().nullable().describe('When its authorization ends; null: it is no client of tokens'),
  clientExpirySeconds: z
    .int()
    .nullable()
    .describe('It is forgotten when it has not been connected for so long; null: never'),
  served: served
    .nullable()
    .describe(
      'What its edge really serves, by topic with the position reached; null: not connected, or the edge did not say',
    ),
});

export const clientSummary = z.object({
  clientId: clientId.optional().describe('Only for clients of the own API key'),
  ref: clientRef,
  name: z.string().nullable(),
  key: z.string(),
  topics: z.array(topicName),
  connected: z.boolean(),
  user: z.string().nullable(),
});

export const clientsResponse = z.object({ clients: z.array(clientSummary), cursor: z.string().nullable() });

const pastConnection = z.object({
  connection: z.string().describe('As its welcome named it'),
  edge: z.string(),
  from: z.iso.datetime().describe('When the client was claimed for it'),
  to: z.iso.datetime().describe('When it was found to have ended'),
  reason: disconnectReason,
  resumed: z
    .boolean()
    .nullable()
    .describe('Whether it went on from positions that the client stated; null: its edge did not tell'),
  lost: z
    .int()
    .nullable()
    .describe('`lost` frames that it was sent, as far as they are kept; null: its edge did not tell'),
});

export const pastConnectionsResponse = z.object({
  connections: z
    .array(pastConnection)
    .describe('The last 16 of the last 24 hours, latest first; the present one is not in it'),
});
