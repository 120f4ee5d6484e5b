import type { EdgeDetails, EdgeLoad } from './state.ts';

const DETAILS = [
  'id',
  'url',
  'connections',
  'maxConnections',
  'draining',
  'leaving',
  'startedAt',
  'appConnections',
] as const;
const LOAD = [
  'cores',
  'cpu',
  'eventLoopUtilization',
  'rssBytes',
  'availableBytes',
  'messagesPerSecond',
  'deliveriesPerSecond',
] as const satisfies readonly (keyof EdgeLoad)[];
/** Those that an earlier version does not report, or that may not be known. */
const MORE_LOAD = [
  'bytesPerSecond',
  'handshakesPerSecond',
  'refusalsPerSecond',
  'refusals',
  'lostAnnounced',
  'probeSilenceMs',
  'probeLatencyMs',
  'eventLoopDelayMs',
  'openFiles',
  'clockDifferenceMs',
] as const satisfies readonly (keyof EdgeLoad)[];

/** The fields of a lease's hash, in the order in which `readFields` takes their values. */
export const LEASE_FIELDS = [...DETAILS, 'facts', 'host', ...LOAD, ...MORE_LOAD] as const;

/** Names and values by turns. What is only read as a whole is one field. */
export function writeFields({ load, facts, appConnections, ...details }: EdgeDetails): string[] {
  const whole = {
    ...(facts && { facts: JSON.stringify(facts) }),
    ...(appConnections && { appConnections: JSON.stringify(appConnections) }),
  };
  return Object.entries({ ...details, ...load, ...whole }).flatMap(([name, value]) => [name, String(value)]);
}

/** @returns null when there is no lease */
export function readFields(values: readonly (string | null)[]): EdgeDetails | null {
  const fields = new Map(LEASE_FIELDS.map((name, index) => [name, values[index] ?? null]));
  const of = (name: (typeof LEASE_FIELDS)[number]): string | null => fields.get(name) ?? null;
  const [id, url, leaving, facts, host] = [of('id'), of('url'), of('leaving'), of('facts'), of('host')];
  const appConnections = of('appConnections');
  if (id === null || url === null) return null;
  return {
    id,
    url,
    connections: Number(of('connections')),
    maxConnections: Number(of('maxConnections')),
    ...(appConnections === null ? {} : { appConnections: objectIn(appConnections) as Record<string, number> }),
    draining: of('draining') === 'true',
    ...(leaving === null ? {} : { leaving: leaving === 'true' }),
    startedAt: Number(of('startedAt')),
    ...(host === null ? {} : { load: { host, ...requiredLoad(of), ...optionalLoad(of) } }),
    ...(facts === null ? {} : { facts: objectIn(facts) }),
  };
}

type Reader = (name: (typeof LEASE_FIELDS)[number]) => string | null;

function requiredLoad(of: Reader) {
  const numbers = LOAD.map((name) => [name, Number(of(name))] as const);
  return Object.fromEntries(numbers) as Record<(typeof LOAD)[number], number>;
}

function optionalLoad(of: Reader) {
  const known = MORE_LOAD.filter((name) => of(name) !== null).map((name) => [name, Number(of(name))] as const);
  return Object.fromEntries(known) as Partial<Record<(typeof MORE_LOAD)[number], number>>;
}

/** Nothing of what another version may have written in another form: who reads them can do without. */
function objectIn(text: string): object {
  try {
    const found: unknown = JSON.parse(text);
    return typeof found === 'object' && found !== null ? found : {};
  } catch {
    return {};
  }
}
