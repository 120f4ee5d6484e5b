import { type CallEvent, type View, inboxOf } from '../history/events.ts';
import type { Model, Violation } from './model.ts';
import type { LineLog } from './lines.ts';
import { LATE_MS } from './timeline.ts';

const REPLACED = 4409;
/** How long a connection may take to follow an end of its registration, or an operator. */
const FOLLOWS_WITHIN_MS = 30_000;
/** How much later a handshake that was given up may still come about. */
const LATE_ATTEMPT_MS = 30_000;

/** Connections that ended and should not have, or that should have ended. */
export function closeViolations(model: Model): Violation[] {
  return [
    ...model.lines.flatMap((log) => replacedFalsely(model, log)),
    ...model.lines.flatMap((log) => notClosed(model, log)),
  ];
}

function replacedFalsely({ lines }: Model, log: LineLog): Violation[] {
  const { closed, client, line, openingAt } = log;
  if (closed?.code !== REPLACED) return [];
  const isReplaced = lines.some(
    (other) =>
      other.client === client && other.line !== line && other.openingAt < closed.at && shakenHandsBy(other) > openingAt,
  );
  if (isReplaced) return [];
  return [
    { kind: 'falsely-replaced', text: `line ${line} was closed with 4409, and there is no newer one`, client, line },
  ];
}

/** Until when a handshake may have made its connection the newest; never, if it was refused. */
function shakenHandsBy({ openedAt, closed }: LineLog): number {
  if (openedAt !== null) return openedAt;
  if (closed === null) return Infinity;
  return closed.status === null ? closed.at + LATE_ATTEMPT_MS : -Infinity;
}

function notClosed(model: Model, { client, line, openedAt, closed }: LineLog): Violation[] {
  if (openedAt === null || closed !== null || model.endAt === Infinity) return [];
  const due = model.endAt - FOLLOWS_WITHIN_MS;
  const isForgotten = (from: number, to: number) =>
    model.forgettings.some(({ savedFrom, lostAt }) => to >= savedFrom && from <= lostAt);
  const ends = model.calls.filter(
    ({ from, to, outcome, call }) =>
      (call.what === 'unregister' || call.what === 'disconnect') &&
      call.client === client &&
      outcome === 'ok' &&
      from > openedAt &&
      to <= due &&
      !isForgotten(from, to),
  );
  const texts = ends.map(({ call }) => `line ${line} is open long after ${call.what}`);
  const registration = model.timelineOf(client, inboxOf(client));
  if (ends.length === 0 && registration.isCertain('out', due - LATE_MS, model.endAt)) {
    texts.push(`line ${line} is open, and its client is not registered`);
  }
  return texts.slice(0, 1).map((text) => ({ kind: 'not-closed', text, client, line }));
}

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
    return registration.isStored('in', from, to) ? ['the API does not know a client that is registered'] : [];
  }
  if (registration.isStored('out', from, to)) return ['the API knows a client that is not registered'];
  const wanted = new Set(seen.topics);
  const topics = new Set([...seen.topics, ...topicsOf(model, client)]);
  return [...topics].flatMap((topic) => {
    const timeline = model.timelineOf(client, topic);
    if (!wanted.has(topic) && timeline.isStored('in', from, to))
      return [`the API does not name ${topic}, which the client has`];
    if (wanted.has(topic) && timeline.isStored('out', from, to))
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
    .filter((topic) => !served.has(topic) && model.timelineOf(client, topic).isStored('in', from, to))
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
