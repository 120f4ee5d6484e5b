import { comparePositions, type Position } from '@holdfast/protocol/position-order';
import { ENDING_MS } from '../checker/requirement.ts';
import type { Model } from './model.ts';
import type { Followed, LineLog } from './lines.ts';
import type { Publication } from './publications.ts';
import type { Violation } from './model.ts';

/** What came and should not have: twice, in another order, or not at all. */
export function arrivalViolations(model: Model): Violation[] {
  const violations: Violation[] = [];
  /** The ids under which messages without an answer came: one each. */
  const unanswered = new Map<Publication, Position>();
  for (const log of model.lines) {
    for (const [stream, followed] of log.streams) {
      violations.push(...orderViolations(log, stream, followed));
      for (const { id, token } of followed.arrivals) {
        const publication = model.streams.get(stream)?.byToken.get(token);
        const about = { client: log.client, line: log.line, stream, token };
        if (publication === undefined || publication.outcome === 'refused' || !isKnownId(publication, id, unanswered)) {
          violations.push({ kind: 'phantom', text: `${token} came on ${stream} as ${id}`, ...about });
        } else if (!isForClient(model, log.client, publication)) {
          violations.push({ kind: 'wrong-audience', text: `${token} (${id}) of ${stream} came`, ...about });
        }
      }
    }
  }
  for (const { name, byToken, byId } of model.streams.values()) {
    for (const [id, [first, second]] of byId) {
      if (first === undefined || second === undefined) continue;
      const text = `${first.token} and ${second.token} both are ${id} of ${name}`;
      violations.push({ kind: 'id-twice', text, stream: name, token: second.token });
    }
    for (const { token, ids, isForgotten } of byToken.values()) {
      const isAnother = isForgotten || (model.streams.get(name)?.ends.length ?? 0) > 0;
      if (ids.length < 2 || isAnother) continue;
      violations.push({
        kind: 'published-twice',
        text: `${token} is ${ids.join(' and ')} of ${name}`,
        stream: name,
        token,
      });
    }
  }
  return violations;
}

function isKnownId(publication: Publication, id: Position, unanswered: Map<Publication, Position>): boolean {
  if (publication.ids.includes(id)) return true;
  // What was answered with one id may stand under another only if it was asked for several times.
  if (publication.outcome === 'ok' && !publication.isForgotten) return false;
  const known = unanswered.get(publication);
  unanswered.set(publication, known ?? id);
  return known === undefined || known === id || publication.isForgotten;
}

function isForClient(model: Model, client: string, { stream, from, to, forgottenAt }: Publication): boolean {
  // What Redis forgot along with the end of a subscription was for a subscriber, by what Redis has left.
  return model.timelineOf(client, stream).isPossible('in', from - ENDING_MS, Math.max(to, forgottenAt));
}

function orderViolations(log: LineLog, stream: string, { arrivals, segments, losses }: Followed): Violation[] {
  const violations: Violation[] = [];
  const seen = new Set<Position>();
  let stated = segments.find(({ by }) => by === 'welcome')?.start ?? null;
  // A stream that was made anew, or that Redis lost the end of, may go on lower.
  const restarts = [
    ...segments.flatMap(({ by, at, start }) => (by === 'subscribed' ? [{ at, position: start }] : [])),
    ...losses.filter(({ after, position }) => comparePositions(position, after) < 0),
  ].toSorted((a, b) => a.at - b.at);
  let highest: Position | null = stated;
  for (const { at, id, token } of arrivals) {
    for (let next = restarts[0]; next !== undefined && next.at <= at; next = restarts[0]) {
      if (highest !== null && comparePositions(next.position, highest) < 0) highest = next.position;
      if (stated !== null && comparePositions(next.position, stated) < 0) stated = next.position;
      restarts.shift();
    }
    const isBehind = highest !== null && comparePositions(id, highest) <= 0;
    if (isBehind || seen.has(id)) {
      const isAgain = seen.has(id) || (stated !== null && comparePositions(id, stated) <= 0);
      violations.push({
        kind: isAgain ? 'duplicated' : 'reordered',
        text: `${token} (${id}) of ${stream} came after ${highest ?? 'nothing'}`,
        client: log.client,
        line: log.line,
        stream,
        token,
      });
    }
    seen.add(id);
    if (highest === null || comparePositions(id, highest) > 0) highest = id;
  }
  return violations;
}
