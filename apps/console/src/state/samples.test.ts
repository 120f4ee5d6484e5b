import { describe, expect, it } from 'vitest';
import type { Edge, EdgeLoad } from '../api/edges.ts';
import { sampleOf } from './samples.ts';

const LOAD: EdgeLoad = {
  host: 'h',
  cores: 2,
  cpu: 0.1,
  eventLoopUtilization: 0.1,
  rssBytes: 1,
  availableBytes: 1,
  messagesPerSecond: 0,
  deliveriesPerSecond: 0,
};

function edge(id: string, connections: number, load?: Partial<EdgeLoad>): Edge {
  const startedAt = '2026-01-01T00:00:00.000Z';
  const details = { id, url: 'ws://x', connections, maxConnections: 10, draining: false, startedAt };
  return load === undefined ? details : { ...details, load: { ...LOAD, ...load } };
}

describe('a sample', () => {
  it('adds up what edges hold and send, and has the highest of what they wait for', () => {
    const edges = [
      edge('a', 3, { deliveriesPerSecond: 10, messagesPerSecond: 4, probeLatencyMs: 1, refusalsPerSecond: 0.5 }),
      edge('b', 4, { deliveriesPerSecond: 20, messagesPerSecond: 5, probeLatencyMs: 9, refusalsPerSecond: 1 }),
    ];
    expect(sampleOf(edges, [])).toEqual({
      connections: 7,
      deliveries: 30,
      publishes: 5,
      probe: 9,
      eventLoop: null,
      lost: null,
      refusals: 1.5,
    });
  });

  it('has losses since the sample before, whatever was lost earlier, and none of a process that started anew', () => {
    const before = [edge('a', 1, { lostAnnounced: 5 }), edge('b', 1, { lostAnnounced: 8 })];
    const now = [
      edge('a', 1, { lostAnnounced: 7 }),
      edge('b', 1, { lostAnnounced: 0 }),
      edge('c', 1, { lostAnnounced: 3 }),
    ];
    expect(sampleOf(now, before).lost).toBe(2);
  });

  it('knows only the connections of edges of an earlier version', () => {
    expect(sampleOf([edge('a', 1)], [])).toMatchObject({
      connections: 1,
      deliveries: null,
      publishes: null,
      lost: null,
    });
  });
});
