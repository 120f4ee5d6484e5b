import { describe, expect, it } from 'vitest';
import { Connection } from './connection.ts';
import { ConnectionRegistry } from './registry.ts';
import { newCounters } from '../counters.ts';
import { RecordingTransport } from '../testing/recording-transport.ts';
import { someClaim } from '../testing/some-claim.ts';

const connection = (clientId: string, generation = 1) =>
  new Connection(someClaim(clientId, generation), new RecordingTransport(), 'open', newCounters());

function registryOf(count: number) {
  const registry = new ConnectionRegistry();
  const all = Array.from({ length: count }, (_, index) => connection(`client-${index}`));
  for (const each of all) registry.add(each);
  return { registry, all };
}

describe('a registry', () => {
  it('finds connections by client and lists them all, whichever leave', () => {
    const registry = new ConnectionRegistry();
    const all = ['a', 'b', 'c', 'd', 'e'].map((id) => connection(`client-${id}`));
    for (const each of all) expect(registry.add(each)).toBeUndefined();
    for (const index of [1, 4, 0]) registry.remove(all[index] as Connection);
    expect(registry.size).toBe(2);
    expect(new Set(registry.slice(0, 10))).toEqual(new Set([all[2], all[3]]));
    expect(registry.get('client-c')).toBe(all[2]);
    expect(registry.get('client-a')).toBeUndefined();
    expect([...registry.clientIds()].toSorted()).toEqual(['client-c', 'client-d']);
    // A second time changes nothing.
    registry.remove(all[0] as Connection);
    expect(registry.size).toBe(2);
  });

  it('gives back the older connection of the same client, and the end of that one does not touch the newer', () => {
    const registry = new ConnectionRegistry();
    const older = connection('client', 1);
    const newer = connection('client', 2);
    registry.add(older);
    expect(registry.add(newer)).toBe(older);
    registry.remove(older);
    expect(registry.get('client')).toBe(newer);
    expect(registry.size).toBe(1);
  });

  it('goes by what was read last for connections of different registrations, as a clock may be set back', () => {
    const registry = new ConnectionRegistry();
    const before = connection('client', 1000);
    const { client, ...claim } = someClaim('client', 1);
    const after = new Connection(
      { ...claim, read: before.stateRead + 1, client: { ...client, incarnation: 'another' } },
      new RecordingTransport(),
      'open',
      newCounters(),
    );
    registry.add(before);
    expect(registry.add(after)).toBe(before);
    expect(registry.add(before)).toBe(before);
    expect(registry.get('client')).toBe(after);
    // The end of the registration was read after the claim, and its socket is not gone yet.
    registry.remove(after);
    registry.add(before);
    before.stateRead = after.stateRead + 1;
    before.end();
    expect(registry.add(after)).toBe(before);
  });

  it('keeps the newer connection when an older one of the same client comes later', () => {
    const registry = new ConnectionRegistry();
    const older = connection('client', 1);
    const newer = connection('client', 2);
    registry.add(newer);
    expect(registry.add(older)).toBe(older);
    registry.remove(older);
    expect(registry.get('client')).toBe(newer);
    expect(registry.size).toBe(1);
  });
});

describe('the walk over a registry', () => {
  it('comes to each connection once in a round, however it is divided', () => {
    const { registry, all } = registryOf(10);
    const seen = [registry.walk(4), registry.walk(4), registry.walk(4)];
    expect(seen.flat()).toEqual(all);
    expect(registry.walk(3)).toEqual(all.slice(0, 3));
  });

  it('never gives one twice in a call, and nothing without connections', () => {
    const { registry, all } = registryOf(3);
    expect(registry.walk(100)).toEqual(all);
    expect(registry.walk(100)).toEqual(all);
    expect(registry.walk(0)).toEqual([]);
    expect(new ConnectionRegistry().walk(5)).toEqual([]);
  });

  it('comes to each connection that stays within one round, whichever come and go meanwhile', () => {
    const { registry, all } = registryOf(100);
    const seen = new Set<Connection>();
    let came = 100;
    for (let step = 0; step < 40; step += 1) {
      // As the walk of the reconciler: a part of those that are there now.
      for (const each of registry.walk(Math.ceil(registry.size / 25))) seen.add(each);
      // Many leave and come between two steps, also ones that have had their turn and come again.
      const leaves = all[(step * 7) % 100] as Connection;
      if (step % 2 === 0) registry.remove(leaves);
      registry.add(connection(`client-${(came += 1)}`));
      registry.add(connection(`client-${(came += 1)}`));
    }
    const left = new Set(Array.from({ length: 20 }, (_, index) => all[(index * 2 * 7) % 100]));
    const missed = all.filter((each) => !left.has(each) && !seen.has(each));
    expect(missed).toEqual([]);
  });
});
