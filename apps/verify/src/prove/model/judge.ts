import type { Model, Violation } from './model.ts';
import { type CallEvent, type HistoryEvent, inboxOf } from '../history/events.ts';
import { apiViolations } from './closes.ts';
import { arrivalViolations } from './arrivals.ts';
import { closeViolations } from './closes.ts';
import { linesOf } from './lines.ts';
import { missingViolations } from './missing.ts';
import { streamsOf } from './publications.ts';
import { Timeline, changesOf } from './timeline.ts';

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

/**
 * Whether anything that an open connection should have had by now has not come. Much less work than `judge`: a process that
 * waits for frames must not be kept from reading them.
 */
export function isMissingNow(events: readonly HistoryEvent[]): boolean {
  const model = modelOf(events);
  return missingViolations({ ...model, lines: model.lines.filter(({ closed }) => closed === null) }).length > 0;
}

function judgeOnce(events: readonly HistoryEvent[]): Violation[] {
  const model = modelOf(events);
  return [...arrivalViolations(model), ...missingViolations(model), ...closeViolations(model), ...apiViolations(model)];
}

function modelOf(events: readonly HistoryEvent[]): Model {
  const calls = events.filter((event) => event.kind === 'call');
  const forgettings = events.filter((event) => event.kind === 'forgot');
  const timelines = new Map<string, Timeline>();
  const changesBy = Map.groupBy(calls, subjectOf);
  return {
    calls,
    forgettings,
    lines: linesOf(events),
    streams: streamsOf(calls, forgettings, (stream) => changesBy.get(stream) ?? []),
    endAt: events.findLast((event) => event.kind === 'end')?.at ?? Infinity,
    timelineOf: (client, stream) => {
      const key = `${client} ${stream}`;
      let timeline = timelines.get(key);
      if (timeline === undefined) {
        const changes = [...(changesBy.get(inboxOf(client)) ?? []), ...(changesBy.get(stream) ?? [])];
        timeline = new Timeline(changesOf(new Set(changes), client, stream), forgettings);
        timelines.set(key, timeline);
      }
      return timeline;
    },
  };
}

/** The stream that a call is about: the topic that it deletes, or the inbox of its client; of each only a few are. */
function subjectOf({ call }: CallEvent): string {
  if (call.what === 'delete') return call.topic;
  return 'client' in call ? inboxOf(call.client) : '';
}
