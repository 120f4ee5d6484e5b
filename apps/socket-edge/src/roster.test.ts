import { describe, expect, it } from 'vitest';
import { Connection } from './connection.ts';
import { Roster } from './roster.ts';
import { newTally } from './tally.ts';
import { RecordingTransport } from './testing/recording-transport.ts';

const connection = (id: string, clientId: string) =>
  new Connection(id, clientId, new RecordingTransport(), 'open', '0-0', newTally());

describe('a roster', () => {
  it('finds connections by client and walks them all, whoever leaves', () => {
    const roster = new Roster();
    const all = ['a', 'b', 'c', 'd', 'e'].map((id) => connection(id, `client-${id}`));
    for (const each of all) expect(roster.add(each)).toBeUndefined();
    for (const index of [1, 4, 0]) roster.remove(all[index] as Connection);
    expect(roster.size).toBe(2);
    expect(new Set(roster.slice(0, 10))).toEqual(new Set([all[2], all[3]]));
    expect(roster.get('client-c')).toBe(all[2]);
    expect(roster.get('client-a')).toBeUndefined();
    expect(roster.clientIds().toSorted()).toEqual(['client-c', 'client-d']);
    // A second time changes nothing.
    roster.remove(all[0] as Connection);
    expect(roster.size).toBe(2);
  });

  it('gives back the older connection of the same client, and the end of that one does not touch the newer', () => {
    const roster = new Roster();
    const older = connection('1', 'client');
    const newer = connection('2', 'client');
    roster.add(older);
    expect(roster.add(newer)).toBe(older);
    roster.remove(older);
    expect(roster.get('client')).toBe(newer);
    expect(roster.size).toBe(1);
  });
});
