import type { Model } from './judge.ts';
import type { LineLog } from './lines.ts';
import { LATE_MS } from './timeline.ts';
import { inboxOf } from '../history/events.ts';
import type { Violation } from './violation.ts';

const REPLACED = 4409;
/** How long a connection may take to follow an end of its registration, or an operator. */
const FOLLOWS_WITHIN_MS = 30_000;
/** How much later a handshake that was given up may still come about. */
const GHOST_MS = 30_000;

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
  return closed.status === null ? closed.at + GHOST_MS : -Infinity;
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
