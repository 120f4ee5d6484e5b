import { isIP } from 'node:net';
import { z } from 'zod';

/** One thing that is wrong with one variable. */
export interface ConfigFault {
  readonly variable: string;
  /** What the value has to be, as the rest of a sentence: "must be …". */
  readonly rule: string;
  /** What was given, without secrets; null when it was not set. */
  readonly given: string | null;
}

/** The configuration cannot be used. The message has one line for each fault. */
export class ConfigError extends Error {
  readonly code = 'config-invalid';
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`;
    super([`${count} in the configuration:`, ...faults.map(faultLine)].join('\n'));
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

function faultLine({ variable, rule, given }: ConfigFault): string {
  return `  ${variable} ${rule} (${given === null ? 'not set' : `given: ${given}`})`;
}

/**
 * Reads environment variables through a zod object schema whose keys are the variables' names.
 * A variable set to nothing, or to blanks, counts as not set.
 * @throws {ConfigError} with every fault at once
 */
export function readConfig<T>(schema: z.ZodType<T>, env: NodeJS.ProcessEnv = process.env): T {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''),
  );
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  throw new ConfigError(
    result.error.issues.map((issue) => {
      const variable = String(issue.path[0] ?? 'environment');
      return { variable, rule: issue.message, given: shown(variable, given[variable]) };
    }),
  );
}

/** A line is enough to recognise a value. */
const SHOWN_CHARACTERS = 120;
const SECRET_NAME = /SECRET|PASSWORD|TOKEN/i;

function shown(variable: string, value: string | undefined): string | null {
  if (value === undefined) return null;
  if (SECRET_NAME.test(variable)) return '(hidden)';
  const safe = maskCredentials(value);
  return JSON.stringify(safe.length > SHOWN_CHARACTERS ? `${safe.slice(0, SHOWN_CHARACTERS)}…` : safe);
}

/**
 * Takes user and password out of a URL, also out of one that is not well formed: a password may hold an unescaped
 * slash or at-sign, so everything up to the last at-sign goes, and so does the query.
 */
export function maskCredentials(address: string): string {
  return address.replace(/^([a-z][a-z0-9+.-]*:\/\/)?.*@/is, '$1***@').replace(/\?.*$/s, '?***');
}

/** A schema for one variable; add `.optional()` if it has no default and may be left out, and `.describe()` last. */
export type Setting<T> = z.ZodType<T, string | undefined>;

/**
 * A variable of a kind of its own.
 * @param rule what the value has to be: "must be …"
 * @param parse gives undefined for what does not keep the rule
 * @param fallback the default as a user would write it; it goes through `parse` too
 */
export function setting<T>(rule: string, parse: (given: string) => T | undefined, fallback?: string): Setting<T> {
  const schema = z.string({ error: rule }).transform((given, context) => {
    const value = parse(given);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: rule, input: given });
    return z.NEVER;
  });
  return fallback === undefined ? schema : schema.prefault(fallback);
}

/** Free text, as it is. */
export function text(fallback?: string): Setting<string> {
  return setting('must be set', (value) => value, fallback);
}

/** One of a few words. */
export function choice<const Word extends string>(words: readonly Word[], fallback?: NoInfer<Word>): Setting<Word> {
  return setting(`must be one of ${words.join(', ')}`, (value) => words.find((word) => word === value), fallback);
}

function wholeNumber(value: string, min: number, max: number): number | undefined {
  if (!/^-?\d{1,15}$/.test(value)) return undefined;
  const number = Number(value);
  return number >= min && number <= max ? number : undefined;
}

interface IntegerOptions {
  readonly min: number;
  readonly max: number;
  readonly default?: number;
}

/** A whole number in decimal digits, bounds included. */
export function integer({ min, max, default: fallback }: IntegerOptions): Setting<number> {
  const rule = `must be a whole number from ${min} to ${max}`;
  return setting(rule, (value) => wholeNumber(value, min, max), fallback?.toString());
}

/** A whole number, or one word that stands for a number found at run time. */
export function integerOr<const Word extends string>(
  word: Word,
  { min, max, default: fallback }: Omit<IntegerOptions, 'default'> & { readonly default?: number | NoInfer<Word> },
): Setting<number | Word> {
  const rule = `must be a whole number from ${min} to ${max}, or ${word}`;
  return setting<number | Word>(
    rule,
    (value) => (value === word ? word : wholeNumber(value, min, max)),
    fallback?.toString(),
  );
}

const MAX_PORT = 65_535;

/** A TCP port; 0 lets the system choose one. */
export function port(fallback?: number): Setting<number> {
  return integer({ min: 0, max: MAX_PORT, ...(fallback === undefined ? {} : { default: fallback }) });
}

/** A host name or an IP address, without a port. */
export function host(fallback?: string): Setting<string> {
  return setting(
    'must be a host name or an IP address, without a port',
    (value) => (isIP(value) !== 0 || /^[\w-]+(\.[\w-]+)*\.?$/.test(value) ? value : undefined),
    fallback,
  );
}

/** An absolute URL with one of the given protocols ("ws:"), kept as it was written. */
export function url(protocols: readonly string[], fallback?: string): Setting<string> {
  const names = protocols.map((protocol) => `${protocol}//`).join(' or ');
  return setting(
    `must be a URL that begins with ${names}`,
    (value) => (protocols.includes(URL.parse(value)?.protocol ?? '') ? value : undefined),
    fallback,
  );
}

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

interface DurationOptions {
  readonly minMs?: number;
  readonly maxMs?: number;
  /** As a user would write it: "30s". */
  readonly default?: string;
}

/** A time with its unit (250ms, 30s, 5m, 2h); gives milliseconds. */
export function duration(options: DurationOptions = {}): Setting<number> {
  const { minMs = 0, maxMs = Number.MAX_SAFE_INTEGER, default: fallback } = options;
  const bounds = options.minMs === undefined && options.maxMs === undefined ? '' : ` from ${minMs} ms to ${maxMs} ms`;
  return setting(
    `must be a time${bounds} such as 250ms, 30s, 5m or 2h`,
    (value) => {
      const [, digits, unit] = /^(\d{1,12})(ms|s|m|h)$/.exec(value) ?? [];
      if (digits === undefined) return undefined;
      const ms = Number(digits) * UNIT_MS[unit as keyof typeof UNIT_MS];
      return ms >= minMs && ms <= maxMs ? ms : undefined;
    },
    fallback,
  );
}

/** Several values with commas between them; blanks around each do not count. */
export function list(fallback?: string): Setting<string[]> {
  return setting(
    'must be one or more values with commas between them',
    (value) => {
      const items = value.split(',').map((item) => item.trim());
      return items.every((item) => item !== '') ? items : undefined;
    },
    fallback,
  );
}

/** One row of the table of variables. */
export interface ConfigRow {
  readonly variable: string;
  /** As a user would write it; null when there is none. */
  readonly default: string | null;
  readonly meaning: string;
}

/**
 * The rows of a table of variables, for the documentation. The meaning is the schema's description; a default that is
 * worked out from other variables stands in the schema's meta, as `defaultText`.
 */
export function describeConfig(schema: z.ZodObject): ConfigRow[] {
  return Object.entries(schema.shape).map(([variable, piece]) => describeSetting(variable, piece));
}

function describeSetting(variable: string, piece: z.core.$ZodType): ConfigRow {
  let fallback: string | null = null;
  let meaning = '';
  // `.optional()`, `.prefault()` and their like wrap what they are called on, and the description may be on any layer.
  for (let layer: z.core.$ZodType | undefined = piece; layer !== undefined;) {
    const meta = z.globalRegistry.get(layer);
    if (meaning === '') meaning = meta?.description ?? '';
    if (typeof meta?.['defaultText'] === 'string') fallback ??= meta['defaultText'];
    if (layer instanceof z.ZodPrefault || layer instanceof z.ZodDefault) fallback ??= String(layer.def.defaultValue);
    layer = layerWithin(layer);
  }
  return { variable, default: fallback, meaning };
}

/** What a wrapper wraps, or what a transformation takes. */
function layerWithin(layer: z.core.$ZodType): z.core.$ZodType | undefined {
  if (layer instanceof z.ZodPipe) return layer.def.in;
  return layer instanceof z.ZodType && 'innerType' in layer.def ? (layer.def.innerType as z.ZodType) : undefined;
}
