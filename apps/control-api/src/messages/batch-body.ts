import { parseJson } from '../http/bodies.ts';

/**
 * Parses the body of a batch; in it `data` of each message is not a value but the bytes as the caller wrote them.
 * @throws {ProblemError} malformed-json
 */
export function parseBatch(bytes: Buffer): unknown {
  const body = parseJson(bytes);
  if (!isObject(body) || !Array.isArray(body['messages'])) return body;
  const slices = dataSlices(bytes);
  for (const [index, message] of body['messages'].entries()) {
    if (isObject(message) && Object.hasOwn(message, 'data')) message['data'] = slices[index];
  }
  return body;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Finds the source text of a value, so that a published value can be passed on byte for byte: parsing and
 * printing it again would turn 12345678901234567890 into 12345678901234567000 and 1.0 into 1.
 *
 * Everything here takes bytes that JSON.parse has accepted. All that gives JSON its structure is ASCII, which never
 * occurs inside a longer UTF-8 sequence, so bytes are as good as characters. Nothing recurses: depth costs no stack.
 */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
/** JSON's white space is blank, tab, line feed and carriage return: nothing else in valid JSON is this low. */
const HIGHEST_SPACE = 0x20;

/** The source of `messages[i].data` for each i; undefined where there is none. As in JSON.parse, the last of equal keys wins. */
export function dataSlices(bytes: Buffer): (Buffer | undefined)[] {
  const messages = memberOf(bytes, skipSpace(bytes, 0), 'messages');
  if (messages === undefined || bytes[messages] !== OPEN_ARRAY) return [];
  const slices: (Buffer | undefined)[] = [];
  let at = skipSpace(bytes, messages + 1);
  while (bytes[at] !== CLOSE_ARRAY) {
    const data = memberOf(bytes, at, 'data');
    slices.push(data === undefined ? undefined : bytes.subarray(data, endOfValue(bytes, data)));
    at = nextElement(bytes, at);
  }
  return slices;
}

/** The start of a member's value; undefined when `at` is no object, or it has no such member. */
function memberOf(bytes: Buffer, at: number, name: string): number | undefined {
  if (bytes[at] !== OPEN_OBJECT) return undefined;
  let found: number | undefined;
  let key = skipSpace(bytes, at + 1);
  while (bytes[key] !== CLOSE_OBJECT) {
    const keyEnd = endOfString(bytes, key);
    const colon = skipSpace(bytes, keyEnd);
    const value = skipSpace(bytes, colon + 1);
    // A key may be written with escapes: "d\u0061ta".
    if (JSON.parse(bytes.toString('utf8', key, keyEnd)) === name) found = value;
    key = nextElement(bytes, value);
  }
  return found;
}

/** The start of what follows the value at `at`: the next element, or the closing bracket. */
function nextElement(bytes: Buffer, at: number): number {
  const end = skipSpace(bytes, endOfValue(bytes, at));
  return bytes[end] === COMMA ? skipSpace(bytes, end + 1) : end;
}

function endOfValue(bytes: Buffer, at: number): number {
  const first = bytes[at];
  if (first === QUOTE) return endOfString(bytes, at);
  return first === OPEN_OBJECT || first === OPEN_ARRAY ? endOfNested(bytes, at) : endOfLiteral(bytes, at);
}

function endOfNested(bytes: Buffer, at: number): number {
  let depth = 0;
  for (let index = at; ;) {
    const byte = bytes[index];
    if (byte === QUOTE) {
      index = endOfString(bytes, index);
      continue;
    }
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth += 1;
    if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) depth -= 1;
    index += 1;
    if (depth === 0 || byte === undefined) return index;
  }
}

/** The end of the string with its opening quote at `at`: a quote with an even number of backslashes before it. */
function endOfString(bytes: Buffer, at: number): number {
  for (let quote = bytes.indexOf(QUOTE, at + 1); ; quote = bytes.indexOf(QUOTE, quote + 1)) {
    if (quote === -1) return bytes.length;
    let before = quote - 1;
    while (bytes[before] === BACKSLASH) before -= 1;
    if ((quote - 1 - before) % 2 === 0) return quote + 1;
  }
}

/** The end of a number, `true`, `false` or `null`. */
function endOfLiteral(bytes: Buffer, at: number): number {
  for (let index = at; ; index += 1) {
    const byte = bytes[index];
    if (byte === undefined || byte <= HIGHEST_SPACE) return index;
    if (byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) return index;
  }
}

function skipSpace(bytes: Buffer, at: number): number {
  let index = at;
  for (let byte = bytes[index]; byte !== undefined && byte <= HIGHEST_SPACE; byte = bytes[index]) index += 1;
  return index;
}
