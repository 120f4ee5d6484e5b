import type { Presence } from '@holdfast/protocol/down';
import { beforeEach, describe, expect, it } from 'vitest';
import { WatchedMap } from './watched-map.ts';

let faults: string[];
let map: WatchedMap;

beforeEach(() => {
  faults = [];
  map = new WatchedMap((kind) => faults.push(kind));
  map.begin();
});

const of = (ids: string) => ids.split('').map((id) => ({ id, info: { of: id } }));

function take(frame: Omit<Presence, 'type' | 'topic'>): void {
  map.take({ type: 'presence', topic: 't', ...frame }, 10);
}

const snapshot = (version: number, ids: string) => take({ version, count: ids.length, members: of(ids), more: false });
const change = (version: number, count: number, joined: string, left: string) =>
  take({ version, count, joined: of(joined), left: left.split('') });
const shown = () => [...map.members.keys()].toSorted().join('');

describe('a map of members', () => {
  it('follows pages and changes, and counts them', () => {
    take({ version: 7, count: 3, members: of('ab'), more: true });
    expect(shown()).toBe('');
    take({ version: 7, count: 3, members: of('c'), more: false });
    change(8, 3, 'd', 'a');
    change(9, 3, '', '');
    expect({ shown: shown(), version: map.version, faults }).toEqual({ shown: 'bcd', version: 9, faults: [] });
    expect(map.received).toEqual({ frames: 4, bytes: 40, snapshots: 1, versions: 2 });
  });

  it('is replaced by another snapshot, and by that of the next connection', () => {
    snapshot(7, 'ab');
    snapshot(12, 'bc');
    change(13, 3, 'd', '');
    map.begin();
    snapshot(11, 'x');
    change(12, 2, 'y', '');
    expect({ shown: shown(), faults }).toEqual({ shown: 'xy', faults: [] });
  });

  it('takes a member with another info as one that stays', () => {
    snapshot(1, 'ab');
    take({ version: 2, count: 2, joined: [{ id: 'a', info: null }], left: [] });
    expect({ info: map.members.get('a'), faults }).toEqual({ info: null, faults: [] });
  });
});

describe('a fault is', () => {
  it('a version that is left out: what follows is of no use before a snapshot', () => {
    snapshot(1, 'a');
    change(3, 2, 'b', '');
    expect({ faults, version: map.version }).toEqual({ faults: ['gap'], version: null });
    snapshot(3, 'ab');
    change(4, 1, '', 'a');
    expect({ faults, shown: shown() }).toEqual({ faults: ['gap'], shown: 'b' });
  });

  it('a version that comes twice', () => {
    snapshot(1, 'a');
    change(2, 2, 'b', '');
    change(2, 2, 'b', '');
    expect(faults).toEqual(['gap']);
  });

  it('a change before any snapshot, or before its last page', () => {
    change(1, 1, 'a', '');
    expect(faults).toEqual(['gap']);
    take({ version: 1, count: 2, members: of('a'), more: true });
    change(2, 2, 'b', '');
    expect(faults).toEqual(['gap', 'gap']);
    snapshot(4, 'a');
    take({ version: 5, count: 2, members: of('a'), more: true });
    change(5, 2, 'b', '');
    expect(faults).toEqual(['gap', 'gap', 'gap']);
  });

  it('a change of the connection before', () => {
    snapshot(1, 'a');
    map.begin();
    change(2, 2, 'b', '');
    expect(faults).toEqual(['gap']);
  });

  it('a snapshot of a version before', () => {
    snapshot(5, 'a');
    snapshot(4, 'a');
    expect(faults).toEqual(['gap']);
  });

  it('a join of who is there', () => {
    snapshot(1, 'ab');
    change(2, 2, 'a', '');
    expect(faults).toEqual(['joinedTwice']);
  });

  it('a leave of who is not there', () => {
    snapshot(1, 'ab');
    change(2, 2, '', 'c');
    expect(faults).toEqual(['leftTwice']);
  });

  it('a count that is not the size, of a snapshot and of a change', () => {
    take({ version: 1, count: 3, members: of('ab'), more: false });
    change(2, 4, 'c', '');
    expect(faults).toEqual(['wrongCount', 'wrongCount']);
  });

  it('a page of another version, and a member on two pages', () => {
    take({ version: 1, count: 2, members: of('a'), more: true });
    take({ version: 2, count: 1, members: of('b'), more: false });
    expect({ faults, shown: shown() }).toEqual({ faults: ['tornSnapshot'], shown: 'b' });
    take({ version: 3, count: 2, members: of('ab'), more: true });
    take({ version: 3, count: 2, members: of('b'), more: false });
    expect(faults).toEqual(['tornSnapshot', 'tornSnapshot']);
  });

  it('a number without members', () => {
    snapshot(1, 'a');
    take({ version: 2, count: 2 });
    expect(faults).toEqual(['countOnly']);
    expect(map.members.size).toBe(0);
  });
});
