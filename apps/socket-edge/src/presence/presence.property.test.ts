import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Connection } from '../connection/connection.ts';
import { FAKED, GRACE_MS, ROOM, WATCHES, presenceRoom } from '../testing/presence-room.ts';
import { shownMembers } from '../testing/shown-members.ts';

/** A second or so; 1,200 runs found nothing either. */
const RUNS = 60;
const USERS = 8;
/** Two clients of each user. */
const CLIENTS = 2 * USERS;
/** What a connection may have waiting before it is sent no more. */
const CONGESTED_BYTES = 64 * 1024;
/** Some are large, so that a snapshot is more than one page. */
const INFO = JSON.stringify('x'.repeat(20_000));

beforeEach(() => vi.useFakeTimers({ toFake: [...FAKED] }));
afterEach(() => vi.useRealTimers());

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('connect' as const), client: fc.nat(CLIENTS - 1), at: fc.nat(1) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('close', 'cut'), client: fc.nat(CLIENTS - 1) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('stop', 'read'), at: fc.nat(1) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('later' as const), ms: fc.constantFrom(50, 300, 1000, 4000) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('lose', 'fail', 'mend', 'miss') }) },
);

interface Step {
  kind: string;
  client?: number;
  at?: number;
  ms?: number;
}

it('whatever happens, every map equals the truth in the end, and no version is left out on the way', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const { truth, stored, shown } = await plays(steps);
      expect(stored).toEqual(truth);
      for (const seen of shown) expect(seen).toEqual(typeof seen === 'number' ? truth.length : truth);
    }),
    { numRuns: RUNS },
  );
}, 120_000);

/** Plays the steps, lets everything come to rest, and gives who is present, who is so in Redis, and who is shown. */
async function plays(steps: readonly Step[]) {
  const room = presenceRoom({ limit: 12 });
  const { redis, later } = room;
  const edges = [room.edge, room.other];
  for (let index = 0; index < CLIENTS; index += 1) {
    room.register(`c${index}`, `u${index % USERS}`, { info: index % 3 === 0 ? INFO : null });
  }
  const watchers = await Promise.all(
    edges.map(async (edge, index) => {
      room.register(`w${index}`, `w${index}`);
      return { edge, ...(await edge.connected(`w${index}`, WATCHES)) };
    }),
  );
  const open = new Map<number, { edge: typeof room.edge; connection: Connection }>();

  function close(client: number, isFinal: boolean): void {
    const present = open.get(client);
    open.delete(client);
    if (present === undefined) return;
    present.connection.end(isFinal);
    present.edge.edge.hub.onClosed(present.connection);
  }

  async function connect(client: number, edge: typeof room.edge): Promise<void> {
    const { connection } = await edge.connected(`c${client}`);
    const older = open.get(client);
    open.set(client, { edge, connection });
    if (older !== undefined) older.edge.edge.hub.onClosed(older.connection);
  }

  const miss = () =>
    vi.spyOn(edges[0]?.presence ?? room.edge.presence, 'onLive').mockImplementationOnce(() => undefined);
  const act: Record<string, (step: Step) => void | Promise<void>> = {
    connect: ({ client = 0, at = 0 }) => connect(client, edges[at] ?? room.edge),
    close: ({ client = 0 }) => close(client, true),
    cut: ({ client = 0 }) => close(client, false),
    stop: ({ at = 0 }) => {
      const { socket, connection } = watchers[at] ?? {};
      if (socket === undefined || connection?.phase !== 'open') return;
      socket.stopped = true;
      socket.bufferedBytes = CONGESTED_BYTES + 1;
      connection.onWaiting();
    },
    read: ({ at = 0 }) => {
      const { edge, socket, connection } = watchers[at] ?? {};
      socket?.resume();
      if (connection !== undefined) edge?.edge.hub.onDrain(connection);
    },
    later: ({ ms = 0 }) => later(ms),
    lose: () => redis.presence.lose(),
    fail: () => void redis.failing.add('changePresence').add('snapshotPresence'),
    mend: () => redis.failing.clear(),
    miss: () => void miss(),
  };
  for (const one of steps) await act[one.kind]?.(one);

  redis.failing.clear();
  for (const at of [0, 1]) await act['read']?.({ kind: 'read', at });
  await later(GRACE_MS + 2000);
  for (let round = 0; round < 4; round += 1) {
    await room.check();
    await later(1000);
  }
  await later(GRACE_MS);
  const truth = new Set(['w0', 'w1', ...[...open.keys()].map((client) => `u${client % USERS}`)]);
  const shown = watchers.map(({ socket }) => {
    const seen = shownMembers(socket, ROOM);
    return typeof seen === 'number' ? seen : Object.keys(seen).toSorted();
  });
  return { truth: [...truth].toSorted(), stored: redis.presence.members(ROOM), shown };
}
