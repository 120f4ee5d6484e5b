import type { Colors } from '@holdfast/harness/program';
import type { DoorName } from './door-name.ts';
import type { Row, RowBasics, Verdict } from './row.ts';
import { tableLines } from '@holdfast/harness/table';

const numbers = new Intl.NumberFormat('en-US');

/** Between the name of the fault and the verdict: a heading, and what stands under it. */
export type Column<R> = readonly [heading: string, cell: (row: R) => string];

export const nativeColumns: readonly Column<Row>[] = [
  ['clients', ({ members }) => count(members)],
  ['published', ({ published }) => count(published)],
  ['received', ({ received }) => count(received)],
  ['lost', ({ lost }) => count(lost)],
  ['announced', ({ announced }) => count(announced)],
  ['duplicated', ({ duplicated }) => count(duplicated)],
  ['re-sent', ({ deduplicated }) => count(deduplicated)],
  ['reordered', ({ reordered }) => count(reordered)],
  ['phantom', ({ phantom }) => count(phantom)],
  ['silence', ({ longestSilenceMs }) => secondsText(longestSilenceMs)],
  ['recovery', ({ recoverMs }) => (recoverMs === null ? '–' : secondsText(recoverMs))],
];

/** Everything a run of the suite found. */
export interface Report<R extends RowBasics = Row> {
  ok: boolean;
  /** By which clients came. */
  door: DoorName;
  profile: string;
  /** What Redis was made of. */
  redis: string;
  seed: number;
  rows: R[];
}

/** The report for people: the table, and what was broken. */
export function reportText<R extends RowBasics>(
  { ok, rows, seed, redis }: Report<R>,
  columns: readonly Column<R>[],
  colors: Colors,
): string {
  const headings = ['fault', ...columns.map(([heading]) => heading), 'verdict'];
  const cells = rows.map((row) => [row.fault, ...columns.map(([, cell]) => cell(row)), verdictText(row)]);
  const [heading = '', ...lines] = tableLines(headings, cells);
  const text = [colors.bold(heading), ...lines];
  for (const row of rows) {
    const color = row.verdict === 'broken' ? colors.red : colors.yellow;
    for (const sentence of row.broken) text.push(color(`${row.fault}: ${sentence}`));
  }
  const countOf = (verdict: Verdict) => rows.filter((row) => row.verdict === verdict).length;
  const [broken, notRun] = [countOf('broken'), countOf('not run')];
  const run = `(Redis: ${redis}, seed ${seed})`;
  if (ok) text.push(colors.green(`Every promise held through ${rows.length} faults ${run}.`));
  if (broken > 0) text.push(colors.red(`A promise was broken in ${broken} of ${rows.length} faults ${run}.`));
  if (notRun > 0) text.push(colors.yellow(`${notRun} of ${rows.length} faults could not be run ${run}.`));
  return `${text.join('\n')}\n`;
}

function verdictText({ verdict }: RowBasics): string {
  return verdict === 'ok' ? 'ok' : verdict.toUpperCase();
}

export function count(number: number): string {
  return numbers.format(number);
}

export function secondsText(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
