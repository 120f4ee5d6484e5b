import { InvalidArgumentError } from 'commander';

/** "a,b" and a repeated option both mean several. */
export function commaList(text: string, before: readonly string[] = []): string[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (names.length === 0) throw new InvalidArgumentError('Name at least one.');
  return [...before, ...names];
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('A whole number is needed.');
  return Number(text);
}

/** RFC 3339, or a date, whose midnight in UTC is meant. Gives RFC 3339. */
export function futureTime(text: string): string {
  const milliseconds = Date.parse(text);
  if (!/^\d{4}-\d\d-\d\d/.test(text) || Number.isNaN(milliseconds)) {
    throw new InvalidArgumentError('A time such as 2030-01-31 or 2030-01-31T12:00:00Z is needed.');
  }
  if (milliseconds <= Date.now()) throw new InvalidArgumentError('That time is over.');
  return new Date(milliseconds).toISOString();
}

/** An edge's address. */
export function webSocketUrl(text: string): string {
  return urlOf(text, /^wss?:$/, 'ws://127.0.0.1:7701');
}

/** A control-api's address. */
export function httpUrl(text: string): string {
  return urlOf(text, /^https?:$/, 'http://127.0.0.1:7700');
}

function urlOf(text: string, protocols: RegExp, example: string): string {
  if (!URL.canParse(text) || !protocols.test(new URL(text).protocol)) {
    throw new InvalidArgumentError(`A URL such as ${example} is needed.`);
  }
  return text;
}
