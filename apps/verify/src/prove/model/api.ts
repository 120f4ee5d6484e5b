import { type CallEvent, type View, inboxOf } from '../history/events.ts';
import type { Model } from './judge.ts';
import type { Violation } from './violation.ts';

/** What the API says of clients, held against what was asked of it and what connections there are. */
export function apiViolations(model: Model): Violation[] {
  return model.calls.flatMap((event) => {
    const { call } = event;
    if (call.what !== 'view' || call.seen === undefined) return [];
    const texts = [
      ...liesOfState(model, event, call.client, call.seen),
      ...(call.isFinal ? liesOfLines(model, event, call.client, call.seen) : []),
    ];
    return texts.map((text): Violation => ({ kind: 'api-lies', text, client: call.client }));
  });
}

function liesOfState(model: Model, { from, to }: CallEvent, client: string, seen: View | null): string[] {
  const registration = model.timelineOf(client, inboxOf(client));
  if (seen === null) {
    return registration.stands('in', from, to) ? ['the API does not know a client that is registered'] : [];
  }
  if (registration.stands('out', from, to)) return ['the API knows a client that is not registered'];
  const wanted = new Set(seen.topics);
  const topics = new Set([...seen.topics, ...topicsOf(model, client)]);
  return [...topics].flatMap((topic) => {
    const timeline = model.timelineOf(client, topic);
    if (!wanted.has(topic) && timeline.stands('in', from, to))
      return [`the API does not name ${topic}, which the client has`];
    if (wanted.has(topic) && timeline.stands('out', from, to))
      return [`the API names ${topic}, which the client has not`];
    return [];
  });
}

function liesOfLines(model: Model, { from, to }: CallEvent, client: string, seen: View | null): string[] {
  const lines = model.lines.filter((line) => line.client === client && line.openedAt !== null);
  const isOpen = lines.some(({ openedAt, closed }) => (openedAt ?? Infinity) < from && (closed?.at ?? Infinity) > to);
  const isClosed = lines.every(({ closed }) => (closed?.at ?? Infinity) < from);
  if (seen === null) return [];
  if (isClosed && seen.connected) return ['the API calls a client connected that is not'];
  if (!isOpen) return [];
  if (!seen.connected) return ['the API calls a client not connected that is'];
  if (seen.served === null) return ['the API does not know what a connected client is served'];
  const served = new Set(seen.served);
  return [...topicsOf(model, client)]
    .filter((topic) => !served.has(topic) && model.timelineOf(client, topic).stands('in', from, to))
    .map((topic) => `the API does not call ${topic} served, which the client has`);
}

/** Every topic that a client ever asked for. */
function topicsOf(model: Model, client: string): Set<string> {
  return new Set(
    model.calls.flatMap(({ call }) =>
      'client' in call && call.client === client && 'topics' in call ? call.topics : [],
    ),
  );
}
