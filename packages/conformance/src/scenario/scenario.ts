import { z } from 'zod';

/** What a scenario needs of a client besides the WebSocket. */
export const profiles = {
  core: 'every client',
  page: 'clients that see neither pings nor the HTTP answer to a handshake, as in browsers; control-api is at hand',
  native: 'clients that see the HTTP answer to a handshake',
  control: 'clients that subscribe themselves over REST',
  tokens: 'clients that register themselves with tokens',
  presence: 'clients that show who is present',
} as const;

export type Profile = keyof typeof profiles;

const milliseconds = z.int().min(0);
const position = z.string();
const why = z.string().optional().describe('In a report of a failure: what the protocol demands here');

/** What is looked at when the client connects. */
const handshake = z.strictObject({
  edge: z.enum(['same', 'another']).optional().describe('As the connection before, or not'),
  resume: z
    .boolean()
    .optional()
    .describe('true: with resume=1; false: without it, or with a resume frame that has no positions'),
  presence: z.boolean().optional().describe('Whether with presence=1'),
  subprotocol: z.boolean().optional().describe('true: holdfast.v1 is offered'),
  notBeforeMs: milliseconds.optional().describe('After the end of the connection before, or its refusal'),
  withinMs: milliseconds
    .optional()
    .describe('From when the step begins, with what the patience is above its default; by default the patience'),
});

const frame = z.looseObject({ type: z.string() }).describe('A frame of the edge, written as compact JSON');

const message = z.strictObject({ event: z.literal('message'), topic: z.string(), id: position, data: z.json() });
const lost = z.strictObject({ event: z.literal('lost'), topic: z.string(), after: position, position });
const presence = z.strictObject({
  event: z.literal('presence'),
  topic: z.string(),
  count: z.int(),
  members: z.record(z.string(), z.json()).nullable().describe('From ids to info; null: the topic shows only the count'),
});
const closed = z.strictObject({ event: z.literal('closed'), reason: z.string() });

/** What an application sees, and a scenario judges. */
const applicationEvent = z.discriminatedUnion('event', [message, lost, presence, closed]);

/** The same from a driver, which may say more in each. */
export const driverEvent = z.discriminatedUnion('event', [
  message.strip(),
  lost.strip(),
  presence.strip(),
  closed.strip(),
]);

export type ApplicationEvent = z.output<typeof applicationEvent>;

/** What the application, or its platform, does. */
const driverCommand = z.discriminatedUnion('command', [
  z.strictObject({ command: z.literal('subscribe'), topics: z.array(z.string()) }),
  z.strictObject({ command: z.literal('close') }),
  z.strictObject({ command: z.literal('online') }),
]);

export type DriverCommand = z.output<typeof driverCommand>;

/** One step of a scenario: what the server does, or what must come from the client. They are taken in order. */
const step = z.union([
  z.strictObject({
    accept: handshake
      .extend({ mute: z.boolean().optional().describe('true: no ping is answered on this connection') })
      .describe('The client connects, and gets a connection'),
    why,
  }),
  z.strictObject({
    refuse: handshake
      .extend({ status: z.int(), code: z.string(), retryAfter: z.int().optional().describe('Seconds') })
      .describe('The client connects, and is refused'),
    why,
  }),
  z.strictObject({
    refuseAll: z
      .strictObject({
        forMs: milliseconds,
        firstWithinMs: milliseconds.describe('From the first refusal to the second handshake'),
        atLeast: z.int(),
        atMost: z.int(),
      })
      .describe('Every handshake of a while is refused, and they are counted'),
    why,
  }),
  z.strictObject({
    resumes: z
      .strictObject({
        positions: z.record(z.string(), z.json()).describe('From topics to positions'),
        frames: z.int().optional(),
      })
      .describe('The client sends exactly these positions, in one frame or in at least so many'),
    why,
  }),
  z.strictObject({ send: z.union([frame, z.array(frame)]) }),
  z.strictObject({ sendText: z.string().describe('One text message, byte for byte') }),
  z.strictObject({
    sendFragments: z.array(z.string()).describe('One text message in fragments, a ping after the first'),
  }),
  z.strictObject({ ping: z.string().describe('A WebSocket ping with this payload, which a pong must return'), why }),
  z.strictObject({
    receivePing: z
      .strictObject({ notBeforeMs: milliseconds.optional(), withinMs: milliseconds.optional() })
      .describe('The client sends a ping frame, so long after the edge sent something last'),
    why,
  }),
  z.strictObject({
    stayAlive: z
      .strictObject({ forMs: milliseconds, everyMs: milliseconds })
      .describe('The edge sends nothing but pings, and answers them; the connection must stay'),
    why,
  }),
  z.strictObject({ close: z.strictObject({ code: z.int(), reason: z.string() }).describe('The edge closes') }),
  z.strictObject({ cut: z.literal(true).describe('The connection ends without a close frame') }),
  z.strictObject({
    ended: z
      .strictObject({ code: z.int().optional(), notBeforeMs: milliseconds.optional() })
      .describe('The client ends the connection, or answers a close frame, so long after the edge sent something last'),
    why,
  }),
  z.strictObject({
    noHandshakeFor: milliseconds.describe('The client does not connect: attempts that it gives up count'),
    why,
  }),
  z.strictObject({
    sees: z.array(applicationEvent).describe('What the application sees, in the order of each topic'),
    why,
  }),
  z.strictObject({ command: driverCommand.describe('The application, or its platform, does this') }),
  z.strictObject({
    register: z
      .strictObject({
        token: z.string(),
        client: z.string(),
        isNew: z.boolean(),
        keepsConnection: z.boolean().optional().describe('true: the client has a connection, and keeps it'),
      })
      .describe('The client registers with this token; connections are those of this client id from here on'),
    why,
  }),
  z.strictObject({
    call: z
      .strictObject({
        method: z.string(),
        path: z.string(),
        body: z.json().optional().describe('Compared as JSON; absent: no body'),
        answer: z.strictObject({ status: z.int(), body: z.json() }),
      })
      .describe('The client calls control-api, and is answered'),
    why,
  }),
]);

export type Step = z.output<typeof step>;
export type HandshakeConditions = z.output<typeof handshake>;

export const scenario = z
  .strictObject({
    $schema: z.string().optional(),
    promise: z.string().describe('What a client does, in one sentence'),
    section: z.string().describe('Of docs/protocol.md'),
    level: z.enum(['MUST', 'SHOULD']),
    profile: z.enum(Object.keys(profiles) as [Profile, ...Profile[]]),
    edges: z.int().min(1).optional().describe('How many there are; 1 by default'),
    connect: z
      .strictObject({
        tokens: z
          .array(z.string())
          .optional()
          .describe('What the application gives out as tokens, one each time; then none'),
        presence: z.array(z.string()).optional().describe('Topics whose presence the application looks at'),
      })
      .optional(),
    steps: z.array(step).min(1),
  })
  .describe('A scenario of a receiving client');

type ScenarioFile = z.output<typeof scenario>;

export interface Scenario extends ScenarioFile {
  /** That of its file. */
  readonly name: string;
}
