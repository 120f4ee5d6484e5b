import { describe, expect, it } from 'vitest';
import { Connection } from './connection.ts';
import { Roster } from './registry.ts';
import { newTally } from '../counters.ts';
import { RecordingTransport } from '../testing/recording-transport.ts';
import { someClaim } from '../testing/some-claim.ts';

const connection = (clientId: string, generation = 1) =>
  new Connection(someClaim(clientId, generation), new RecordingTransport(), 'open', newTally());

function rosterOf(count: number) {
  const roster = new Roster();
  const all = Array.from({ length: count }, (_, index) => connection(`client-${index}`));
  for (const each of all) roster.add(each);
  return { roster, all };
}

describe('a roster', () => {
  it('finds connections by client and lists them all, whoever leaves', () => {
    const roster = new Roster();
    const all = ['a', 'b', 'c', 'd', 'e'].map((id) => connection(`client-${id}`));
    for (const each of all) expect(roster.add(each)).toBeUndefined();
    for (const index of [1, 4, 0]) roster.remove(all[index] as Connection);
    expect(roster.size).toBe(2);
    expect(new Set(roster.slice(0, 10))).toEqual(new Set([all[2], all[3]]));
    expect(roster.get('client-c')).toBe(all[2]);
    expect(roster.get('client-a')).toBeUndefined();
    expect([...roster.clientIds()].toSorted()).toEqual(['client-c', 'client-d']);
    // A second time changes nothing.
    roster.remove(all[0] as Connection);
    expect(roster.size).toBe(2);
  });

  it('gives back the older connection of the same client, and the end of that one does not touch the newer', () => {
    const roster = new Roster();
    const older = connection('client', 1);
    const newer = connection('client', 2);
    roster.add(older);
    expect(roster.add(newer)).toBe(older);
    roster.remove(older);
    expect(roster.get('client')).toBe(newer);
    expect(roster.size).toBe(1);
  });

  it('keeps the newer connection when an older one of the same client comes later', () => {
    const roster = new Roster();
    const older = connection('client', 1);
    const newer = connection('client', 2);
    roster.add(newer);
    expect(roster.add(older)).toBe(older);
    roster.remove(older);
    expect(roster.get('client')).toBe(newer);
    expect(roster.size).toBe(1);
  });
});

describe('the walk over a roster', () => {
  it('comes to each connection once in a round, however it is divided', () => {
    const { roster, all } = rosterOf(10);
    const seen = [roster.walk(4), roster.walk(4), roster.walk(4)];
    expect(seen.flat()).toEqual(all);
    expect(roster.walk(3)).toEqual(all.slice(0, 3));
  });

  it('never gives one twice in a call, and nothing when there is nobody', () => {
    const { roster, all } = rosterOf(3);
    expect(roster.walk(100)).toEqual(all);
    expect(roster.walk(100)).toEqual(all);
    expect(roster.walk(0)).toEqual([]);
    expect(new Roster().walk(5)).toEqual([]);
  });

  it('comes to everybody who stays within one round, whoever comes and goes meanwhile', () => {
    const { roster, all } = rosterOf(100);
    const seen = new Set<Connection>();
    let came = 100;
    for (let step = 0; step < 40; step += 1) {
      // As the walk of the reconciler: a part of those that are there now.
      for (const each of roster.walk(Math.ceil(roster.size / 25))) seen.add(each);
      // Many leave and come between two steps, also ones that have had their turn and come again.
      const leaves = all[(step * 7) % 100] as Connection;
      if (step % 2 === 0) roster.remove(leaves);
      roster.add(connection(`client-${(came += 1)}`));
      roster.add(connection(`client-${(came += 1)}`));
    }
    const left = new Set(Array.from({ length: 20 }, (_, index) => all[(index * 2 * 7) % 100]));
    const missed = all.filter((each) => !left.has(each) && !seen.has(each));
    expect(missed).toEqual([]);
  });
});
