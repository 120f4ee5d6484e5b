import type { CallEvent, Forgetting, HistoryEvent } from '../history/events.ts';
import { apiViolations } from './api.ts';
import { arrivalViolations } from './arrivals.ts';
import { closeViolations } from './closes.ts';
import { type LineLog, linesOf } from './lines.ts';
import { missingViolations } from './missing.ts';
import { type Stream, streamsOf } from './publications.ts';
import { Timeline, changesOf } from './timeline.ts';
import type { Violation } from './violation.ts';

/** What a history says, in the form in which it is judged. */
export interface Model {
  calls: readonly CallEvent[];
  forgettings: readonly Forgetting[];
  lines: readonly LineLog[];
  streams: ReadonlyMap<string, Stream>;
  /** When the history ends; what has not come by then is missing. */
  endAt: number;
  /** Whether a client was a subscriber of a stream. */
  timelineOf: (client: string, stream: string) => Timeline;
}

/** Everything in a history that breaks a promise, at each of its ends. */
export function judge(events: readonly HistoryEvent[]): Violation[] {
  const ends = [...events.keys()].filter((index) => events[index]?.kind === 'end');
  const prefixes = [...ends.slice(0, -1).map((index) => events.slice(0, index + 1)), events];
  const found = new Map<string, Violation>();
  for (const violation of prefixes.flatMap(judgeOnce)) {
    const { kind, text, client, line } = violation;
    const key = [kind, text, client, line].join(' ');
    if (!found.has(key)) found.set(key, violation);
  }
  return [...found.values()];
}

function judgeOnce(events: readonly HistoryEvent[]): Violation[] {
  const model = modelOf(events);
  return [...arrivalViolations(model), ...missingViolations(model), ...closeViolations(model), ...apiViolations(model)];
}

function modelOf(events: readonly HistoryEvent[]): Model {
  const calls = events.filter((event) => event.kind === 'call');
  const forgettings = events.filter((event) => event.kind === 'forgot');
  const timelines = new Map<string, Timeline>();
  return {
    calls,
    forgettings,
    lines: linesOf(events),
    streams: streamsOf(calls, forgettings),
    endAt: events.findLast((event) => event.kind === 'end')?.at ?? Infinity,
    timelineOf: (client, stream) => {
      const key = `${client} ${stream}`;
      const timeline = timelines.get(key) ?? new Timeline(changesOf(calls, client, stream), forgettings);
      timelines.set(key, timeline);
      return timeline;
    },
  };
}
