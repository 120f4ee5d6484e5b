/** Between the tokens of JSON. */
const BLANK = /[\t\n\r ]/;

/**
 * The text of a member's value in the text of a JSON object, as it stands there; undefined when it has no such member. Of
 * several with one name the last one counts, as for `JSON.parse`. The text must be valid: whoever calls has parsed it.
 */
export function rawMember(json: string, name: string): string | undefined {
  let found: string | undefined;
  let at = afterBlanks(json, json.indexOf('{') + 1);
  while (json[at] === '"') {
    const keyEnd = afterString(json, at);
    const key: unknown = JSON.parse(json.slice(at, keyEnd));
    const start = afterBlanks(json, afterBlanks(json, keyEnd) + 1);
    const end = afterValue(json, start);
    if (key === name) found = json.slice(start, end);
    // Past the comma, or past the brace that ends the object.
    at = afterBlanks(json, afterBlanks(json, end) + 1);
  }
  return found;
}

function afterBlanks(json: string, from: number): number {
  let at = from;
  while (at < json.length && BLANK.test(json[at] ?? '')) at += 1;
  return at;
}

function afterString(json: string, from: number): number {
  let at = from + 1;
  while (at < json.length && json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
  return at + 1;
}

function afterValue(json: string, from: number): number {
  if (json[from] === '"') return afterString(json, from);
  let at = from;
  let depth = 0;
  while (at < json.length) {
    const character = json[at];
    if (character === '"') {
      at = afterString(json, at);
      continue;
    }
    if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') depth -= 1;
    // The brace of the object that the value is in, or the end of the value.
    if (depth < 0) return at;
    if (depth === 0 && (character === ',' || BLANK.test(character ?? ''))) return at;
    at += 1;
    if (depth === 0 && (character === '}' || character === ']')) return at;
  }
  return at;
}
