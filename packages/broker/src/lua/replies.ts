import { type ClientState, decodeClient } from '../clients/state.ts';
import { type LogEntry, type LogPage, type TopicState, incarnationOf } from '../topics/state.ts';

/**
 * What the scripts answer, decoded in this one place. A script that answers in another form is a bug of ours
 * (or of a mixed deployment), never of a caller.
 */
export class UnexpectedAnswer extends Error {
  readonly code = 'unexpected-answer';

  constructor(script: string, answer: unknown) {
    super(`the script "${script}" answered ${JSON.stringify(answer)}`);
    this.name = 'UnexpectedAnswer';
  }
}

/** A script's answer as a list, its first item the number that says which kind of answer it is. */
export function answerOf(script: string, answer: unknown): { kind: number; rest: unknown[] } {
  if (!Array.isArray(answer) || typeof answer[0] !== 'number') throw new UnexpectedAnswer(script, answer);
  return { kind: answer[0], rest: answer.slice(1) };
}

/** A script's answer that is one number. */
export function numberOf(script: string, answer: unknown): number {
  if (typeof answer !== 'number') throw new UnexpectedAnswer(script, answer);
  return answer;
}

export function text(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Buffer.isBuffer(value)) return value.toString('latin1');
  return typeof value === 'number' ? String(value) : '';
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

export function clientOf(clientId: string, fields: unknown): ClientState | null {
  return decodeClient(clientId, list(fields).map(text));
}

/** A script's answer that is a list of known length, written as JSON. */
export function listOf(script: string, answer: unknown, length: number): unknown[] {
  const found: unknown = typeof answer === 'string' ? JSON.parse(answer) : null;
  if (!Array.isArray(found) || found.length !== length) throw new UnexpectedAnswer(script, answer);
  return found;
}

/** From `size, seconds, born, last, expire, presence, gone`; null when the topic does not exist. */
export function topicOf(values: unknown): TopicState | null {
  const [size, seconds, start, last, expire, presence, gone] = list(values).map(text);
  if (!size || !seconds || !start || !last) return null;
  return {
    history: { size: Number(size), seconds: Number(seconds) },
    start,
    incarnation: incarnationOf(start),
    last,
    expireSeconds: expire ? Number(expire) : null,
    presence: presence ? (JSON.parse(presence) as TopicState['presence']) : null,
    dormant: gone === '1',
  };
}

/**
 * From `born, last, first prev, contains, {id, prev, data, …}, {index, traceparent, …}` and, where a subscriber does not get some,
 * `{index, subscriber, …}`, with strings as Buffers.
 */
export function logPageOf(rest: readonly unknown[]): LogPage {
  const [startPosition, last, firstPrev, contains, flat, traced, excepted] = rest;
  const values = list(flat);
  const entries: LogEntry[] = [];
  for (let index = 0; index + 2 < values.length; index += 3) {
    const data = values[index + 2];
    if (!Buffer.isBuffer(data)) throw new UnexpectedAnswer('read-log', typeof data);
    entries.push({ id: text(values[index]), prev: text(values[index + 1]), data });
  }
  const traces = list(traced);
  for (let index = 0; index + 1 < traces.length; index += 2) {
    const entry = entries[Number(traces[index])];
    if (entry !== undefined) entry.traceparent = text(traces[index + 1]);
  }
  const exceptions = list(excepted);
  for (let index = 0; index + 1 < exceptions.length; index += 2) {
    const entry = entries[Number(exceptions[index])];
    if (entry !== undefined) entry.except = text(exceptions[index + 1]);
  }
  const start = text(startPosition);
  return {
    start,
    incarnation: incarnationOf(start),
    last: text(last),
    firstPrev: text(firstPrev) || null,
    contains: contains === 1,
    entries,
  };
}
