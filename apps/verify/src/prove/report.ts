import type { Colors } from '@holdfast/harness/program';
import type { Row } from './row.ts';
import { tableLines } from '@holdfast/harness/table';

const HEADING = [
  'fault',
  'clients',
  'published',
  'received',
  'lost',
  'announced',
  'duplicated',
  're-sent',
  'reordered',
  'phantom',
  'silence',
  'recovery',
  'verdict',
];
const count = new Intl.NumberFormat('en-US');

/** Everything a run of the suite found. */
export interface Report {
  ok: boolean;
  profile: string;
  /** What Redis was made of. */
  redis: string;
  seed: number;
  rows: Row[];
}

/** The report for people: the table, and what was broken. */
export function reportText({ ok, rows, seed, redis }: Report, colors: Colors): string {
  const [heading = '', ...lines] = tableLines(HEADING, rows.map(cellsOf));
  const text = [colors.bold(heading), ...lines];
  for (const row of rows) {
    const color = row.verdict === 'broken' ? colors.red : colors.yellow;
    for (const sentence of row.broken) text.push(color(`${row.fault}: ${sentence}`));
  }
  const countOf = (verdict: Row['verdict']) => rows.filter((row) => row.verdict === verdict).length;
  const [broken, notRun] = [countOf('broken'), countOf('not run')];
  const run = `(Redis: ${redis}, seed ${seed})`;
  if (ok) text.push(colors.green(`Every promise held through ${rows.length} faults ${run}.`));
  if (broken > 0) text.push(colors.red(`A promise was broken in ${broken} of ${rows.length} faults ${run}.`));
  if (notRun > 0) text.push(colors.yellow(`${notRun} of ${rows.length} faults could not be run ${run}.`));
  return `${text.join('\n')}\n`;
}

function cellsOf(row: Row): string[] {
  return [
    row.fault,
    count.format(row.members),
    count.format(row.published),
    count.format(row.received),
    count.format(row.lost),
    count.format(row.announced),
    count.format(row.duplicated),
    count.format(row.deduplicated),
    count.format(row.reordered),
    count.format(row.phantom),
    secondsText(row.longestSilenceMs),
    row.recoverMs === null ? '–' : secondsText(row.recoverMs),
    row.verdict === 'ok' ? 'ok' : row.verdict.toUpperCase(),
  ];
}

function secondsText(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
