import type { HistoryEvent } from '../history/events.ts';
import type { Violation } from '../model/model.ts';
import type { Colors } from '@holdfast/harness/program';

const SHOWN_OF_A_KIND = 2;
const LINES_SHOWN = 14;
/** Lines of a history are shown so many characters wide. */
const WIDTH = 220;

/** What a random run came to, as `--json` prints it. */
export interface RandomReport {
  ok: boolean;
  redis: string;
  seed: number;
  seconds: number;
  /** How often each kind of operation and of fault happened. */
  counts: Record<string, number>;
  /** Calls, frames and connections in the history. */
  seen: Record<string, number>;
  violations: Violation[];
  /** The file of the history, when there is something to look for in it. */
  history: string | null;
}

/** What a history holds, counted. */
export function seenIn(events: readonly HistoryEvent[]): Record<string, number> {
  const seen: Record<string, number> = {};
  const count = (name: string) => (seen[name] = (seen[name] ?? 0) + 1);
  for (const event of events) {
    if (event.kind === 'call') count(`calls ${event.outcome}`);
    else if (event.kind === 'frame') count(`frames ${event.frame.type}`);
    else if (event.kind === 'opened') count('connections');
    else if (event.kind === 'closed')
      count(event.status === null ? `closes ${event.code}` : `refusals ${event.status}`);
  }
  return seen;
}

/** The lines of a history that matter for a violation, the last ones first to go. */
function linesFor(events: readonly HistoryEvent[], violation: Violation): string[] {
  return events
    .filter((event) => matters(event, violation))
    .slice(-LINES_SHOWN)
    .map(shown);
}

function matters(event: HistoryEvent, { kind, client, line, stream, token }: Violation): boolean {
  switch (event.kind) {
    case 'call':
      if (event.call.what === 'publish') return token !== undefined && event.call.token === token;
      if ('topic' in event.call) return event.call.topic === stream;
      if (event.call.client !== client || event.call.what === 'view') return false;
      return (
        !('topics' in event.call) ||
        stream === undefined ||
        event.call.topics.includes(stream) ||
        stream.startsWith('@')
      );
    case 'frame':
      if (event.line !== line) return false;
      if (event.frame.type === 'message') return event.frame.token === token;
      return event.frame.type === 'welcome' || event.frame.topic === stream;
    case 'opening':
      return event.line === line || (kind === 'falsely-replaced' && event.client === client);
    case 'opened':
    case 'closed':
      return event.line === line;
    case 'forgot':
      return true;
    case 'fault':
    case 'end':
    default:
      return false;
  }
}

function shown(event: HistoryEvent): string {
  const text = JSON.stringify(event);
  return `      ${text.length > WIDTH ? `${text.slice(0, WIDTH)}…` : text}`;
}

/** The report for people. */
export function randomReportText(report: RandomReport, events: readonly HistoryEvent[], colors: Colors): string {
  const { ok, counts, seen, violations, redis, seed, seconds, history } = report;
  const text = [sentence('operations', counts), sentence('history', seen)];
  const kinds = Map.groupBy(violations, ({ kind }) => kind);
  for (const violation of [...kinds.values()].flatMap((some) => some.slice(0, SHOWN_OF_A_KIND))) {
    text.push(colors.red(`${violation.kind}: ${violation.text}`), ...linesFor(events, violation));
  }
  const broken = Object.fromEntries(Array.from(kinds, ([kind, some]) => [kind, some.length]));
  if (!ok) text.push(colors.red(sentence('broken', broken)));
  if (history !== null) text.push(`The history: ${history}`);
  const run = `Redis: ${redis}, seed ${seed}, ${seconds} s`;
  text.push(
    ok
      ? colors.green(`Every promise held in a random run (${run}).`)
      : colors.red(`${violations.length} times a promise was broken in a random run (${run}).`),
  );
  return `${text.join('\n')}\n`;
}

function sentence(title: string, counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts)
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([name, count]) => `${name} ${count}`);
  return `${title}: ${parts.join(', ')}`;
}
