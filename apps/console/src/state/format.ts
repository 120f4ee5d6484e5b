const digitsOnly = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 });
const short = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 });

/** What stands for a number that is not known. */
export const UNKNOWN = '–';
const COMPACT_FROM = 100_000;

/** 12,345, and 1.2M where digits would no longer be read. */
export function count(value: number | null | undefined): string {
  if (value == null) return UNKNOWN;
  return (Math.abs(value) < COMPACT_FROM ? digitsOnly : compact).format(value);
}

/** A rate: 0.25, 12.3, 1,230. */
export function rate(value: number | null | undefined): string {
  if (value == null) return UNKNOWN;
  return value < 100 ? short.format(value) : count(value);
}

/** A share of 1 as 12 %. */
export function percent(value: number | null | undefined): string {
  return value == null ? UNKNOWN : `${digitsOnly.format(value * 100)} %`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export function bytes(value: number | null | undefined): string {
  if (value == null) return UNKNOWN;
  const power = Math.min(UNITS.length - 1, value < 1 ? 0 : Math.floor(Math.log2(value) / 10));
  return `${short.format(value / 1024 ** power)} ${UNITS[power]}`;
}

/** 0.4 ms, 12 ms, 1.2 s. */
export function milliseconds(value: number | null | undefined): string {
  if (value == null) return UNKNOWN;
  return value < 1000 ? `${short.format(value)} ms` : `${short.format(value / 1000)} s`;
}

const STEPS: readonly (readonly [number, string])[] = [
  [86_400, 'd'],
  [3_600, 'h'],
  [60, 'min'],
  [1, 's'],
];

/** 3 d 4 h, 12 min, 8 s: the largest units. */
export function duration(seconds: number, units = 2): string {
  let left = Math.max(0, Math.round(seconds));
  const parts: string[] = [];
  for (const [size, unit] of STEPS) {
    const whole = Math.floor(left / size);
    left -= whole * size;
    if (whole > 0) parts.push(`${whole} ${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === units) break;
  }
  return parts.length === 0 ? '0 s' : parts.join(' ');
}

/** 14:03:27.123 in the reader's time zone. */
export function clock(ms: number, { fraction = true } = {}): string {
  const at = new Date(ms);
  const time = `${digits(at.getHours())}:${digits(at.getMinutes())}:${digits(at.getSeconds())}`;
  return fraction ? `${time}.${digits(at.getMilliseconds(), 3)}` : time;
}

/** 2026-11-28 14:03:27 in the reader's time zone. */
export function date(ms: number): string {
  const at = new Date(ms);
  return `${at.getFullYear()}-${digits(at.getMonth() + 1)}-${digits(at.getDate())} ${clock(ms, { fraction: false })}`;
}

function digits(value: number, length = 2): string {
  return String(value).padStart(length, '0');
}

/** The time of a message, in Unix milliseconds: its id begins with it. */
export function timeOf(id: string): number {
  return Number(id.split('-', 1)[0]);
}
