import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { Surroundings } from '@holdfast/harness/program';
import { tableLines } from '@holdfast/harness/table';
import { InvalidArgumentError } from 'commander';
import type { Metric } from './measures/measure.ts';
import type { Published } from './measures/published.ts';
import { type MeasureResult, type PeerNote, type Result, type Row, summarize } from './result.ts';

const RESULTS = resolve(import.meta.dirname, '../results');
const THOUSAND = 1000;
// Of the picture, in pixels.
const WIDTH = 760;
const NAME_WIDTH = 150;
const VALUE_WIDTH = 90;
const LINE = 20;
const BAR = 13;
const TITLE = 34;
const OURS = '#0b7285';
const THEIRS = '#adb5bd';

/** Reads the name under which a result is kept: a file's, and in no other folder. */
export function resultName(text: string): string {
  if (/^[\w.-]+$/.test(text) && !text.startsWith('.')) return text;
  throw new InvalidArgumentError('It must be a name of letters, digits, "-", "_" and ".".');
}

/** Prints a result as text or JSON; with `keep`, also writes it as JSON and in other formats, by their endings. */
export async function publishResult(
  result: object,
  { json, keep }: { json: boolean; keep: string | null },
  texts: { txt: string; svg?: string },
  { print, display }: Surroundings,
): Promise<void> {
  const asJson = `${JSON.stringify(result, null, 2)}\n`;
  print(json ? asJson : texts.txt);
  if (keep === null) return;
  await mkdir(RESULTS, { recursive: true });
  const files: string[] = [];
  for (const [ending, text] of Object.entries({ json: asJson, ...texts })) {
    const file = join(RESULTS, `${keep}.${ending}`);
    await writeFile(file, text);
    files.push(relative(process.cwd(), file));
  }
  display.log(`Kept as ${files.join(', ')}`);
}

/** The result for people: a table for each measure. */
export function resultText(result: Result): string {
  const { machine, amounts } = result;
  const gib = (machine.memoryBytes / 2 ** 30).toFixed(0);
  const head = [
    `${machine.processor}, ${machine.cores} cores, ${gib} GiB, Linux ${machine.kernel}, ${machine.system}, ${result.at}`,
    `Medians of ${amounts.rounds} rounds in turn; × is the multiple of the floor in the same run.`,
  ];
  const sections = result.measures.map((measure) => measureText(measure, result.peers).join('\n'));
  const peers = result.peers.length === 0 ? [] : [peersText(result.peers).join('\n')];
  return `${[head.join('\n'), ...sections, ...peers].join('\n\n')}\n`;
}

function measureText(measure: MeasureResult, peers: readonly PeerNote[]): string[] {
  const columns = measure.metrics.flatMap((metric) => columnsOf(metric, measure.rows));
  const published = measure.published ?? [];
  const rows = [...measure.rows, ...published.map(rowOfPublished)].map((row) => [
    row.peer,
    ...columns.map(({ cell }) => cell(row)),
  ]);
  const missing = (measure.peers ?? peers).filter((peer) => peer.missing !== null).map(({ name }) => [name, 'missing']);
  const lines = tableLines(['', ...columns.map(({ title }) => title)], [...rows, ...missing]);
  const failures = measure.rows.flatMap(({ peer, failures: all }) =>
    all.map((failure) => `${peer} failed: ${failure}`),
  );
  const sources = published.map(({ peer, source }) => `${peer}: ${source}`);
  const own = measure.peers === undefined ? [] : ['', ...peersText(measure.peers)];
  return [`${measure.title}: ${measure.about}.`, '', ...lines, ...failures, ...sources, ...own];
}

/** One figure each, of one round. */
function rowOfPublished({ peer, figures }: Published): Row {
  const summaries = Object.entries(figures).map(([id, figure]) => [id, summarize([figure])] as const);
  return { peer, figures: Object.fromEntries(summaries), failures: [] };
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
function titleOf({ title, unit }: Metric): string {
  return unit === '' ? title : `${title}, ${unit}`;
}

/** Three digits, which is the precision of such a measurement; large numbers in groups. */
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

/** The result as an SVG: a bar chart for every metric; the bars of Holdfast have another colour. */
export function pictureOf({ measures }: Result): string {
  const parts: string[] = [];
  let y = 0;
  for (const measure of measures) {
    for (const chart of chartsOf(measure)) {
      parts.push(`<text x="0" y="${y + 20}" font-weight="bold">${escaped(chart.title)}</text>`);
      y += TITLE;
      for (const bar of chart.bars) {
        parts.push(barOf(bar, chart.most, y));
        y += LINE;
      }
    }
  }
  const style = 'font-family="sans-serif" font-size="12"';
  const size = `width="${WIDTH}" height="${y + LINE}" viewBox="-10 0 ${WIDTH + 20} ${y + LINE}"`;
  const paper = `<rect x="-10" y="0" width="${WIDTH + 20}" height="${y + LINE}" fill="white"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${style}>\n${paper}\n${parts.join('\n')}\n</svg>\n`;
}

interface Bar {
  peer: string;
  value: number;
}

interface Chart {
  title: string;
  bars: Bar[];
  most: number;
}

function chartsOf({ title, metrics, rows }: MeasureResult): Chart[] {
  return metrics.flatMap((metric) => {
    const bars = rows.flatMap(({ peer, figures }) => {
      const value = figures[metric.id]?.median;
      return value === undefined ? [] : [{ peer, value }];
    });
    const most = Math.max(...bars.map(({ value }) => value));
    // A chart of zeroes shows nothing.
    if (bars.length === 0 || most <= 0) return [];
    return [{ title: `${title}: ${titleOf(metric)} (${metric.better} is better)`, bars, most }];
  });
}

function barOf({ peer, value }: Bar, most: number, y: number): string {
  const width = Math.max(1, (Math.max(0, value) / most) * (WIDTH - NAME_WIDTH - VALUE_WIDTH));
  const colour = peer.startsWith('holdfast') ? OURS : THEIRS;
  return [
    `<text x="${NAME_WIDTH - 8}" y="${y + 11}" text-anchor="end">${escaped(peer)}</text>`,
    `<rect x="${NAME_WIDTH}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" fill="${colour}"/>`,
    `<text x="${(NAME_WIDTH + width + 6).toFixed(1)}" y="${y + 11}">${readable(value)}</text>`,
  ].join('');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
