import { z } from 'zod';

/** How a connection ended, in events and in the past connections of a client. */
export const disconnectReason = z.enum([
  'closed',
  'lost',
  'replaced',
  'unregistered',
  'drained',
  'edge-died',
  'slow',
  'expired',
]);

export type DisconnectReason = z.output<typeof disconnectReason>;

/** A client as events name it: never by its UUID. */
const clientInEvent = {
  ref: z.string().describe('The public name of the client, 16 hexadecimal digits'),
  name: z.string().nullable(),
  user: z.string().nullable(),
  key: z.string().describe('The id of the API key it was registered with'),
};

const connectionInEvent = {
  ...clientInEvent,
  edge: z.string(),
  connection: z.string().describe('Unique beside the id of the edge'),
};

const memberInEvent = {
  topic: z.string(),
  member: z.object({ id: z.string(), info: z.unknown() }),
  count: z.int().describe('Members that are present then'),
  version: z.int().describe('The version of the presence that was published before; it only grows'),
};

/** The data of each type of event. */
export const eventData = {
  'client.registered': z.object(clientInEvent),
  'client.unregistered': z.object(clientInEvent),
  'client.connected': z.object(connectionInEvent),
  'client.disconnected': z.object({ ...connectionInEvent, reason: disconnectReason }),
  'topic.occupied': z.object({ topic: z.string() }),
  'topic.vacated': z.object({ topic: z.string() }),
  'member.joined': z.object(memberInEvent),
  'member.left': z.object(memberInEvent),
  'topic.lost': z.object({
    topic: z.string().describe('`@user` and `@me` for what was published to a user, or to one client'),
    user: z.string().optional(),
    ref: z.string().optional(),
    edge: z.string(),
    connections: z.int().describe('How many `lost` frames were sent within a second'),
    after: z.string().describe('The position after which the first of them lost messages'),
    position: z.string().describe('The position from which the last of them goes on'),
  }),
  'message.published': z.object({
    topic: z.string().describe('`@user` and `@me` for what was published to a user, or to one client'),
    user: z.string().optional(),
    ref: z.string().optional(),
    id: z.string(),
    data: z.unknown(),
  }),
} as const;

export type EventType = keyof typeof eventData;

/** What each type of event tells. */
export type EventData = { [Type in EventType]: z.output<(typeof eventData)[Type]> };

export const EVENT_TYPES = Object.keys(eventData) as EventType[];

/** Sent only to endpoints that name it: it has the data of every message. */
export const MESSAGE_PUBLISHED = 'message.published' satisfies EventType;
