import type { Metric } from '../measures/measure.ts';
import { tableLines } from './lines.ts';
import type { MeasureResult, PeerNote, Result, Row } from '../result.ts';

const THOUSAND = 1000;

/** The result for people: a table for each measure. */
export function resultText(result: Result): string {
  const { machine, amounts } = result;
  const gib = (machine.memoryBytes / 2 ** 30).toFixed(0);
  const head = [
    `${machine.processor}, ${machine.cores} cores, ${gib} GiB, Linux ${machine.kernel}, ${machine.system}, ${result.at}`,
    `Medians of ${amounts.rounds} rounds in turn; × is the multiple of the floor in the same run.`,
  ];
  const sections = result.measures.map((measure) => measureText(measure, result.peers).join('\n'));
  return `${[head.join('\n'), ...sections, peersText(result.peers).join('\n')].join('\n\n')}\n`;
}

function measureText(measure: MeasureResult, peers: readonly PeerNote[]): string[] {
  const columns = measure.metrics.flatMap((metric) => columnsOf(metric, measure.rows));
  const rows = measure.rows.map((row) => [row.peer, ...columns.map(({ cell }) => cell(row))]);
  const missing = peers.filter((peer) => peer.missing !== null).map(({ name }) => [name, 'missing']);
  const lines = tableLines(['', ...columns.map(({ title }) => title)], [...rows, ...missing]);
  const failures = measure.rows.flatMap(({ peer, failures: all }) =>
    all.map((failure) => `${peer} failed: ${failure}`),
  );
  return [`${measure.title}: ${measure.about}.`, '', ...lines, ...failures];
}

interface Column {
  title: string;
  cell: (row: Row) => string;
}

function columnsOf(metric: Metric, rows: readonly Row[]): Column[] {
  const own: Column = {
    title: titleOf(metric),
    cell: ({ figures }) => readable(figures[metric.id]?.median),
  };
  const floor = rows.find(({ peer }) => peer === 'floor')?.figures[metric.id]?.median;
  if (metric.againstFloor !== true || floor === undefined || floor <= 0) return [own];
  const times: Column = {
    title: '×',
    cell: ({ figures }) => {
      const median = figures[metric.id]?.median;
      return median === undefined ? '–' : (median / floor).toFixed(2);
    },
  };
  return [own, times];
}

/** With its unit, if it has one. */
export function titleOf({ title, unit }: Metric): string {
  return unit === '' ? title : `${title}, ${unit}`;
}

/** Three digits say all that such a measurement knows; large numbers in groups. */
export function readable(value: number | undefined): string {
  if (value === undefined) return '–';
  if (Math.abs(value) >= THOUSAND) return Math.round(value).toLocaleString('en-US');
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

function peersText(peers: readonly PeerNote[]): string[] {
  return tableLines(
    ['peer', 'version', 'settings'],
    peers.map(({ name, version, missing, description }) => [name, version ?? `missing: ${missing}`, description]),
    'left',
  );
}
