import { describe, expect, it } from 'vitest';
import { type Result, rowOf, summarize } from './result.ts';

import { pictureOf, readable, resultText } from './report.ts';
import { profiles } from './amounts.ts';
import type { Metric } from './measures/measure.ts';

const metrics: Metric[] = [
  { id: 'cpu', title: 'CPU a delivery', unit: 'µs', better: 'less', againstFloor: true },
  { id: 'bytes', title: 'on the wire', unit: 'B', better: 'less' },
];

const result: Result = {
  at: '2026-11-27T00:00:00.000Z',
  machine: {
    processor: 'A <processor>',
    cores: 2,
    memoryBytes: 24 * 2 ** 30,
    kernel: '6.18',
    system: 'Debian',
    node: '26.10.0',
    descriptors: 20_000,
    tcpMem: '1 2 3',
    ports: '32768 60999',
  },
  amounts: profiles.quick,
  peers: [
    { name: 'holdfast', description: 'ours', version: '1', missing: null },
    { name: 'floor', description: 'C', version: '1', missing: null },
    { name: 'nchan', description: 'nginx', version: null, missing: 'no apt-get' },
  ],
  measures: [
    {
      name: 'delivery',
      title: 'A delivery',
      about: 'one by one',
      metrics,
      rows: [
        rowOf('holdfast', metrics, [
          { figures: { cpu: 12, bytes: null } },
          { figures: { cpu: 10, bytes: null } },
          { failure: 'it fell over' },
        ]),
        rowOf('floor', metrics, [{ figures: { cpu: 8, bytes: 222 } }]),
      ],
    },
  ],
};

function lineOf(text: string, start: string): string[] {
  return (text.split('\n').find((line) => line.startsWith(start)) ?? '').split(/\s{2,}/);
}

describe('the table', () => {
  const text = resultText(result);

  it('has the median of the rounds that were measured, and the multiple of the floor', () => {
    expect(lineOf(text, 'holdfast')).toEqual(['holdfast', '11.0', '1.38', '–']);
    expect(lineOf(text, 'floor')).toEqual(['floor', '8.00', '1.00', '222']);
  });

  it('names a peer that is missing, and says why', () => {
    expect(lineOf(text, 'nchan')).toEqual(['nchan', 'missing']);
    expect(text).toContain('missing: no apt-get');
  });

  it('says what failed', () => {
    expect(text).toContain('holdfast failed: it fell over');
  });

  it('has what others have published beside what was measured, with the source, and the peers of a measure of its own', () => {
    const published = [{ peer: 'soketi', figures: { bytes: 210 }, source: 'their page' }];
    const peers = [{ name: 'sockudo', description: 'Rust', version: null, missing: 'not on PATH' }];
    const measures = result.measures.map((measure) => ({ ...measure, published, peers }));
    const own = resultText({ ...result, peers: [], measures });
    expect(lineOf(own, 'soketi')).toEqual(['soketi', '–', '–', '210']);
    expect(own).toContain('\nsoketi: their page\n');
    expect(lineOf(own, 'sockudo')).toEqual(['sockudo', 'missing']);
    expect(own).toContain('missing: not on PATH');
    expect(own).not.toContain('nchan');
  });

  it('says which machine it was', () => {
    expect(text).toContain('A <processor>, 2 cores, 24 GiB');
  });

  it('shows as many digits as such a figure has', () => {
    expect([1_234_567.8, 123.45, 12.345, 1.2345, undefined].map(readable)).toEqual([
      '1,234,568',
      '123',
      '12.3',
      '1.23',
      '–',
    ]);
  });
});

describe('the picture', () => {
  it('has a bar as long as the figure for every peer that has one', () => {
    const widths = [...pictureOf(result).matchAll(/<rect x="150" y="\d+" width="([\d.]+)"/g)].map(([, width]) =>
      Number(width),
    );
    expect(widths).toEqual([520, expect.closeTo((520 * 8) / 11, 0), 520]);
  });

  it('is well-formed, whatever a name holds', () => {
    const odd = { ...result, measures: result.measures.map((measure) => ({ ...measure, title: 'a < b & c' })) };
    expect(pictureOf(odd)).toContain('a &lt; b &amp; c');
  });
});

describe('a summary of rounds', () => {
  it('has the median, both ends and every round, without those that gave nothing', () => {
    expect(summarize([3, null, 1, 8])).toEqual({ median: 3, least: 1, most: 8, rounds: [3, 1, 8] });
  });

  it('is nothing when no round gave anything', () => {
    expect(summarize([null, null])).toBeNull();
  });
});
