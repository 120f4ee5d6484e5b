import { comparePositions } from '@holdfast/protocol/position-order';
import { type Surroundings, oneAfterTheOther, printLine } from '../client-driver.ts';
import { type SocketFault, onFrame, onResume } from './broken-socket.ts';

/** One thing that a client does wrong on purpose. */
export interface Fault {
  /** Between the client and its connection. */
  socket?: SocketFault;
  /** Of the `ws` package. */
  webSocketOptions?: object;
  /** What is printed in place of an event. */
  print?: (event: ClientEvent) => object[];
  fetch?: typeof globalThis.fetch;
  giveTokens?: Surroundings['giveTokens'];
  onCommand?: Surroundings['onCommand'];
  /** Before anything else. */
  begin?: () => void;
}

interface ClientEvent {
  event: string;
  topic?: string;
  id?: string;
  data?: unknown;
  members?: object | null;
  [other: string]: unknown;
}

interface Topics {
  [topic: string]: { position: string; recovered?: boolean };
}

const realFetch = globalThis.fetch;
const STOPPED = 4403;
const CUT = 1006;

/** The client learns another close code than the edge sent. */
function learns(code: number, learnt: number): Fault {
  return { socket: { closed: (each) => (each === code ? learnt : each) } };
}

/** Lets timers wait for another time. */
function patchTimers(change: (run: () => void, ms: number) => number): void {
  const { setTimeout } = globalThis;
  const patched = (run: () => void, ms: number): unknown => setTimeout(run, change(run, ms));
  globalThis.setTimeout = patched as typeof setTimeout;
}

/** The longest back-offs: the answer of control-api is there before the next attempt. */
function waitLongest(): void {
  Math.random = () => 0.999;
}

/** A fault with a memory of its own, for one run. */
function remembering<Memory>(memory: Memory, fault: (memory: Memory) => Fault): Fault {
  return fault(memory);
}

function messages(print: (event: ClientEvent & { topic: string; id: string }) => object[]): Fault {
  return {
    print: (event) =>
      event.event === 'message' ? print({ ...event, topic: `${event.topic}`, id: `${event.id}` }) : [event],
  };
}

/** Every fault, by what the client does. */
export const faults: Readonly<Record<string, Fault>> = {
  'hands out messages in another order': remembering<{ held?: object | undefined }>({}, (memory) =>
    messages((event) => {
      const held = memory.held;
      memory.held = held === undefined ? event : undefined;
      return held === undefined ? [] : [event, held];
    }),
  ),
  'ignores @user': messages((event) => (event.topic === '@user' ? [] : [event])),
  'compares positions as texts': remembering(new Map<string, string>(), (last) =>
    messages((event) => {
      if (event.id <= (last.get(event.topic) ?? '')) return [];
      last.set(event.topic, event.id);
      return [event];
    }),
  ),
  'takes null for no data': messages((event) => [{ ...event, data: event.data ?? '' }]),
  'cuts large data': messages((event) => [
    { ...event, data: typeof event.data === 'string' ? event.data.slice(0, 32_768) : event.data },
  ]),
  'ends the connection on an unknown type': {
    socket: { receive: onFrame('announcement', () => [{ type: 'message' }]) },
  },
  'skips a frame that is no JSON': { socket: { receive: (text) => (text.endsWith('}') ? [text] : []) } },
  'takes positions with leading zeros': {
    socket: {
      receive: onFrame('message', (frame) => [{ ...frame, id: String(frame['id']).replace(/^0+(?=\d)/, '') }]),
    },
  },
  'answers no ping': { webSocketOptions: { autoPong: false } },
  'forgets the position of subscribed': {
    socket: { send: onResume((positions) => void delete positions['chat']) },
  },
  'keeps a topic that is unsubscribed': { socket: { receive: onFrame('unsubscribed', () => []) } },
  'keeps a topic that welcome does not name': remembering<Topics>({}, (known) => ({
    socket: {
      receive: onFrame('welcome', (frame) => {
        const topics = { ...known, ...(frame['topics'] as Topics) };
        for (const [topic, { position }] of Object.entries(topics)) known[topic] = { position, recovered: true };
        return [{ ...frame, topics }];
      }),
    },
  })),
  'resumes from the message before': {
    socket: {
      send: onResume((positions) => {
        const [at = '', sequence = ''] = (positions['news'] ?? '').split('-');
        positions['news'] = sequence === '0' ? `${Number(at) - 1}-0` : `${at}-${Number(sequence) - 1}`;
      }),
    },
  },
  'takes the position of welcome after recovered': {
    socket: {
      receive: onFrame('welcome', (frame) => {
        const topics = Object.entries(frame['topics'] as Topics).map(([topic, { position }]) => [topic, { position }]);
        return [{ ...frame, topics: Object.fromEntries(topics) }];
      }),
    },
  },
  'sends all positions in one frame': remembering<Record<string, string>>({}, (all) => ({
    socket: {
      send: (text) => {
        const frame = JSON.parse(text) as { type: string; more?: boolean; positions: Record<string, string> };
        if (frame.type !== 'resume') return text;
        Object.assign(all, frame.positions);
        return frame.more === true ? null : JSON.stringify({ type: 'resume', positions: all });
      },
    },
  })),
  'reports no loss': { print: (event) => (event.event === 'lost' ? [] : [event]) },
  'resumes from before a loss': {
    socket: { send: onResume((positions) => void (positions['news'] = '1001-0')) },
  },
  'drops what is below the last id after a loss': remembering(new Map<string, string>(), (last) =>
    messages((event) => {
      if (comparePositions(event.id, last.get(event.topic) ?? '0-0') <= 0) return [];
      last.set(event.topic, event.id);
      return [event];
    }),
  ),
  'hands out duplicates': remembering(new Set<string>(), (seen) => ({
    socket: {
      receive: onFrame('message', (frame) => {
        const id = `${String(frame['topic'])} ${String(frame['id'])}`;
        if (seen.has(id)) printLine({ ...frame, event: 'message' });
        seen.add(id);
        return [frame];
      }),
    },
  })),
  'ignores retry-after-ms': learns(1012, CUT),
  'stops after 1013': learns(1013, STOPPED),
  'stops after 4408': learns(4408, STOPPED),
  'stops after 4429': learns(4429, STOPPED),
  'stops after a code that it does not know': learns(4777, STOPPED),
  'connects again after 4400': learns(4400, CUT),
  'connects again after 4401': learns(4401, CUT),
  'connects again after 4403': learns(4403, CUT),
  'connects again after 4409': learns(4409, CUT),
  'connects again after 4410': learns(4410, CUT),
  'connects again at once': { begin: () => (Math.random = () => 0) },
  'tries one URL only': remembering<{ first?: string }>({}, (memory) => ({
    socket: {
      open: (url) => {
        const { host } = new URL((memory.first ??= url));
        return Object.assign(new URL(url), { host }).href;
      },
    },
  })),
  'does not notice silence': {
    socket: { receive: onFrame('welcome', (frame) => [{ ...frame, heartbeatMs: 3_600_000 }]) },
  },
  'takes a quiet connection for dead': { socket: { receive: onFrame('pong', () => []) } },
  'waits for a welcome for ever': { begin: () => patchTimers((_run, ms) => (ms === 10_000 ? 3_600_000 : ms)) },
  'closes with another code than 1000': { socket: { close: (code) => (code === 1000 ? 4000 : code) } },
  'sends no ping': { socket: { send: (text) => (text === '{"type":"ping"}' ? null : text) } },
  'connects at once when the network returns': remembering<{ attempt?: () => void; isOnline?: boolean }>(
    {},
    (memory) => ({
      begin: () =>
        patchTimers((run, ms) => {
          if (ms !== 5000) return ms;
          memory.attempt = run;
          // The command came before the end of the connection.
          return memory.isOnline === true ? 0 : ms;
        }),
      onCommand: (command) => {
        if (command !== 'online') return;
        memory.isOnline = true;
        memory.attempt?.();
      },
    }),
  ),
  'does not ask control-api': { fetch: () => Promise.reject(new Error('not asked')) },
  'takes any problem for the end of its registration': {
    begin: waitLongest,
    fetch: async (...args) => {
      const answer = await realFetch(...args);
      const problem = { title: 'client-not-found', status: 404, code: 'client-not-found' };
      return answer.status === 503 ? Response.json(problem, { status: 404 }) : answer;
    },
  },
  'takes any 404 for the end of its registration': {
    begin: waitLongest,
    fetch: async (...args) => {
      const answer = await realFetch(...args);
      const problem = { title: 'client-not-found', status: 404, code: 'client-not-found' };
      return answer.status === 404 ? Response.json(problem, { status: 404 }) : answer;
    },
  },
  'subscribes with another call': {
    fetch: (url, init) => realFetch(url, { ...init, method: init?.method === 'POST' ? 'PUT' : `${init?.method}` }),
  },
  'registers with a body': {
    fetch: (url, init) => realFetch(url, { ...init, body: '{"name":"ann"}' }),
  },
  'connects anew for a renewal': { socket: { receive: onFrame('expiring', () => [{ type: 'message' }]) } },
  'registers only after the end': {
    socket: { receive: onFrame('welcome', (frame) => [{ ...frame, expiresInMs: 3_600_000 }]) },
  },
  'registers with the token of before': {
    giveTokens:
      ([first = '']) =>
      () =>
        first,
  },
  'asks for tokens for ever': {
    giveTokens: (tokens) => {
      const next = oneAfterTheOther(tokens);
      return () => {
        const token = next();
        if (token === null) throw new Error('none at the moment');
        return token;
      };
    },
  },
  'resumes the inbox of another client': {
    socket: { send: onResume((positions) => void (positions['@me'] ??= '100-0')) },
  },
  'shows parts of a snapshot': { socket: { receive: onFrame('presence', (frame) => [{ ...frame, more: false }]) } },
  'ignores who left': {
    socket: { receive: onFrame('presence', (frame) => [frame['left'] === undefined ? frame : { ...frame, left: [] }]) },
  },
  'ignores a hole in the versions': remembering<{ version?: number }>({}, (memory) => ({
    socket: {
      receive: onFrame('presence', (frame) => {
        memory.version = frame['members'] === undefined ? (memory.version ?? 0) + 1 : Number(frame['version']);
        return [{ ...frame, version: memory.version }];
      }),
    },
  })),
  'keeps members when only the count is known': remembering<{ members?: object }>({}, (memory) => ({
    print: (event) => {
      if (event.event !== 'presence') return [event];
      memory.members = event.members ?? memory.members ?? {};
      return [{ ...event, members: memory.members }];
    },
  })),
  'keeps members that are not in the snapshot': remembering<{ members: object }>({ members: {} }, (memory) => ({
    print: (event) => {
      if (event.event !== 'presence') return [event];
      memory.members = { ...memory.members, ...event.members };
      return [{ ...event, members: memory.members }];
    },
  })),
};
