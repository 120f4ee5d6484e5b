interface RawJson {
  rawJSON?: (text: string) => unknown;
}
type Reviver = (key: string, value: unknown, context?: { source?: string }) => unknown;

/** Keeps numbers as they are written, where the browser can: 12345678901234567890 and 1.0 are printed as such again. */
const asWritten: Reviver = (_key, value, context) => {
  const { rawJSON } = JSON as RawJson;
  const source = context?.source;
  if (typeof value !== 'number' || source === undefined || rawJSON === undefined) return value;
  return String(value) === source ? value : rawJSON(source);
};

/** As `JSON.parse`, for text that is to be printed again. */
export function parseExactly(text: string): unknown {
  return JSON.parse(text, asWritten);
}

/** On one line, or with two spaces for each level. */
export function printed(value: unknown, { pretty = false } = {}): string {
  return JSON.stringify(value, null, pretty ? 2 : 0) ?? 'null';
}
