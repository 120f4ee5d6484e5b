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

export interface Colors {
  bold: (text: string) => string;
  green: (text: string) => string;
  red: (text: string) => string;
}

/** The report for people: the table, and what was broken. */
export function reportText({ ok, rows, seed, redis }: Report, colors: Colors): string {
  const [heading = '', ...lines] = tableLines(HEADING, rows.map(cellsOf));
  const text = [colors.bold(heading), ...lines];
  for (const row of rows) {
    for (const sentence of row.broken) text.push(colors.red(`${row.fault}: ${sentence}`));
  }
  const failed = rows.filter((row) => !row.ok).length;
  text.push(
    ok
      ? colors.green(`Every promise held through ${rows.length} faults (Redis: ${redis}, seed ${seed}).`)
      : colors.red(`A promise was broken in ${failed} of ${rows.length} faults (Redis: ${redis}, seed ${seed}).`),
  );
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
    row.ok ? 'ok' : 'BROKEN',
  ];
}

function secondsText(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
