import type { ClientState } from '@holdfast/broker/client-state';
import { eventually } from '@holdfast/testkit/eventually';
import { beforeEach, describe, expect, it } from 'vitest';
import { BulkReads } from '../limits/bulk-reads.ts';
import type { Services } from '../services.ts';
import { ClientSweeps } from './unregister-clients.ts';

let clients: Map<string, string>;
let passes: number;
/** Called before each page. */
let onPass: () => Promise<void>;
let sweeps: ClientSweeps;
beforeEach(() => {
  clients = new Map([
    ['c1', 'mobile'],
    ['c2', 'mobile'],
    ['c3', 'other'],
  ]);
  passes = 0;
  onPass = async () => {};
  const services = {
    broker: { unregister: async (id: string) => clients.delete(id) },
    bulkBroker: {
      listClients: async () => {
        passes += 1;
        await onPass();
        return { items: [...clients].map(([clientId, key]) => ({ clientId, key }) as ClientState), cursor: null };
      },
    },
    bulkReads: new BulkReads(),
    counts: { unregistrations: { inc: () => {} } } as unknown as Services['counts'],
  };
  sweeps = new ClientSweeps(services, 0);
});

const SOON = 0;
const LATE = 20_000;
const join = (deleted: boolean, withinMs: number, id = 'mobile') =>
  sweeps.join(id, { deleted, caller: 'key all', withinMs });

describe('the clients of a deleted key', () => {
  it('are unregistered by one sweep of two passes, which repeated calls join', async () => {
    const answers = await Promise.all([join(true, LATE), join(false, LATE), join(false, LATE)]);
    expect(answers).toEqual(Array.from({ length: 3 }, () => ({ clients: 2, done: true })));
    expect(passes).toBe(2);
    expect([...clients.keys()]).toEqual(['c3']);
  });

  it('are unregistered to the end also when no call waits, and the next call says how many', async () => {
    const hold = Promise.withResolvers<void>();
    onPass = () => hold.promise;
    expect(await join(true, SOON)).toEqual({ clients: 0, done: false });
    expect(await join(false, SOON)).toEqual({ clients: 0, done: false });
    hold.resolve();
    await eventually(() => expect(passes).toBe(2));
    expect(await join(false, LATE)).toEqual({ clients: 2, done: true });
    expect(passes).toBe(2);
    // The result is given once; then there is nothing.
    expect(await join(false, LATE)).toEqual({ clients: 0, done: true });
    expect(passes).toBe(3);
  });

  it('are looked for twice, also while something goes on to register with the key', async () => {
    let next = 0;
    onPass = async () => void clients.set(`new-${(next += 1)}`, 'mobile');
    expect(await join(true, LATE)).toEqual({ clients: 4, done: true });
    expect(passes).toBe(2);
  });

  it('are looked for again when the key was made and deleted meanwhile', async () => {
    const hold = Promise.withResolvers<void>();
    onPass = () => hold.promise;
    const first = join(true, LATE);
    const second = join(true, LATE);
    hold.resolve();
    expect(await Promise.all([first, second])).toEqual(Array.from({ length: 2 }, () => ({ clients: 2, done: true })));
    expect(passes).toBe(4);
  });

  it('of a sweep that failed are looked for anew by the next call', async () => {
    onPass = () => Promise.reject(new Error('away'));
    await expect(join(true, LATE)).rejects.toThrow('away');
    onPass = async () => {};
    expect(await join(false, LATE)).toEqual({ clients: 2, done: true });
  });

  it('of ids that are no keys are looked for by a few sweeps at a time; a key that was deleted always has its own', async () => {
    const hold = Promise.withResolvers<void>();
    onPass = () => hold.promise;
    const begun = Array.from({ length: 8 }, (_, index) => join(false, LATE, `no-key-${index}`));
    await expect(join(false, LATE, 'no-key-8')).rejects.toMatchObject({ code: 'too-many-calls' });
    const deleted = join(true, LATE);
    hold.resolve();
    await Promise.all(begun);
    expect(await deleted).toEqual({ clients: 2, done: true });
  });
});
