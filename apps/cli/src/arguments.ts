import { InvalidArgumentError } from 'commander';
import { CliError, exitCodes } from './errors.ts';
import type { Terminal } from './terminal.ts';

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

export function positiveNumber(text: string): number {
  const number = wholeNumber(text);
  if (number === 0) throw new InvalidArgumentError('A number from 1 on is needed.');
  return number;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** A time with its unit, as 30s, 15m, 1h or 7d. Gives seconds. */
export function seconds(text: string): number {
  const [, count = '', unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const unitSeconds = UNIT_SECONDS[unit];
  if (unitSeconds === undefined) throw new InvalidArgumentError('A time such as 30s, 15m, 1h or 7d is needed.');
  return Number(count) * unitSeconds;
}

/** The same, or "never". */
export function secondsOrNever(text: string): number | 'never' {
  return text === 'never' ? text : seconds(text);
}

/** What judges a value, as the schemas of the protocol do. */
interface Judge<T> {
  safeParse: (
    value: unknown,
  ) => { success: true; data: T } | { success: false; error: { issues: { message: string }[] } };
}

/** For an option whose value must be of a schema. */
export function accepted<T>(judge: Judge<T>): (text: string) => T {
  return (text) => {
    const result = judge.safeParse(text);
    if (result.success) return result.data;
    throw new InvalidArgumentError(`It ${result.error.issues[0]?.message}.`);
  };
}

/** The same for the values of an option that takes several; undefined when it was not given. Raises CliError `bad-option`. */
export function allAccepted<T>(
  option: string,
  judge: Judge<T>,
  values: readonly unknown[] | undefined,
): T[] | undefined {
  return values?.map((value) => {
    const result = judge.safeParse(value);
    if (result.success) return result.data;
    const why = result.error.issues[0]?.message;
    throw new CliError(exitCodes.usage, 'bad-option', `${option}: ${JSON.stringify(value)} ${why}.`);
  });
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
  if (URL.canParse(text) && /^wss?:$/.test(new URL(text).protocol)) {
    throw new InvalidArgumentError(
      'That is the address of an edge: control-api has one such as http://127.0.0.1:7700.',
    );
  }
  return urlOf(text, /^https?:$/, 'http://127.0.0.1:7700');
}

function urlOf(text: string, protocols: RegExp, example: string): string {
  if (!URL.canParse(text) || !protocols.test(new URL(text).protocol)) {
    throw new InvalidArgumentError(`A URL such as ${example} is needed.`);
  }
  return text;
}

/**
 * What is to be published, as JSON text that goes out as it was given: numbers keep every digit. With `asText` the
 * input is a string to be made JSON. Raises CliError `not-json`.
 */
export function messageText(input: string, asText: boolean): string {
  if (asText) return JSON.stringify(input);
  const text = input.trim();
  try {
    JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'not JSON';
    throw new CliError(
      exitCodes.usage,
      'not-json',
      `The message is not JSON: ${why}\nQuote it for the shell, as in '{"score":"1:0"}', or send it as a string with --text.`,
      { cause },
    );
  }
  return text;
}

/** The message that was given, or else what is typed or piped, as `messageText` makes it. */
export async function messageOf(terminal: Terminal, given: string | undefined, asText: boolean): Promise<string> {
  return messageText(given ?? (await typedOrPiped(terminal)), asText);
}

async function typedOrPiped(terminal: Terminal): Promise<string> {
  if (terminal.inputIsTyped) terminal.err('Type the message, end it with Ctrl-D.');
  // Piped input ends with a line break that is not part of the message.
  return (await terminal.readInput()).replace(/\r?\n$/, '');
}

/** JSON of a client's own. */
export function jsonValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError('JSON is needed, such as \'{"name":"Ann"}\'.');
  }
}
