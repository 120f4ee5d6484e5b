import { signal } from '@preact/signals';
import { type CallError, toCallError } from '../api/call-error.ts';
import { type Capacity, type Edge, listEdges, readCapacity } from '../api/edges.ts';
import { send } from '../api/send.ts';
import { Ring } from './ring.ts';
import { NOTHING, SERIES, type SeriesName, sampleOf } from './samples.ts';

export const POLL_MS = 2_000;
/** What the charts show. */
export const SPAN_SECONDS = 600;
const KEPT = (SPAN_SECONDS * 1000) / POLL_MS;

export interface GoneEdge extends Edge {
  /** When it was listed for the last time, in Unix milliseconds. */
  readonly lastSeen: number;
}

export type Samples = Ring<SeriesName>;

/** The live edges; null until they are known. */
export const edges = signal<readonly Edge[] | null>(null);
/** Those that have left the list within the span of the charts, the latest first. */
export const goneEdges = signal<readonly GoneEdge[]>([]);
export const capacity = signal<Capacity | null>(null);
/** Why the last look failed; null when it did not. */
export const pollError = signal<CallError | null>(null);
/** When it last succeeded, in Unix milliseconds; null: not yet. */
export const polledAt = signal<number | null>(null);
/** Counts up with each sample: charts read it to draw again. */
export const sampled = signal(0);

export const samples: Samples = new Ring(KEPT, SERIES);
const samplesByEdge = new Map<string, Samples>();
/** The most connections that a draining edge was seen with: what it is emptied of. */
const drainingFrom = new Map<string, number>();

export function samplesOf(edge: string): Samples | undefined {
  return samplesByEdge.get(edge);
}

/** How much of a draining edge is closed, 0 to 1. */
export function drainedShare({ id, connections }: Edge): number {
  const from = Math.max(drainingFrom.get(id) ?? 0, connections);
  return from === 0 ? 1 : 1 - connections / from;
}

/** Asks every two seconds while the page is seen, until the returned function is called. */
export function startPolling(): () => void {
  const stopped = new AbortController();
  const { signal: stop } = stopped;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asking = false;
  const poll = async (): Promise<void> => {
    if (asking || document.hidden || stop.aborted) return;
    asking = true;
    clearTimeout(timer);
    const began = Date.now();
    await look(stop);
    asking = false;
    if (!stop.aborted) timer = setTimeout(() => void poll(), Math.max(0, began + POLL_MS - Date.now()));
  };
  document.addEventListener('visibilitychange', () => void poll(), { signal: stop });
  askNow = () => void poll();
  askNow();
  return () => {
    stopped.abort();
    clearTimeout(timer);
    askNow = () => undefined;
  };
}

let askNow: () => void = () => undefined;

/** Asks at once, as after a change that was made here. */
export function pollNow(): void {
  askNow();
}

async function look(stop: AbortSignal): Promise<void> {
  try {
    const [listed, read] = await Promise.all([
      send(listEdges(), { signal: stop }),
      send(readCapacity(), { signal: stop }),
    ]);
    remember(listed.edges, Date.now());
    capacity.value = read;
    pollError.value = null;
    polledAt.value = Date.now();
  } catch (error) {
    if (stop.aborted) return;
    pollError.value = toCallError(error);
    samples.push(Date.now() / 1000, NOTHING);
  }
  sampled.value++;
}

function remember(listed: readonly Edge[], now: number): void {
  const before = edges.peek() ?? [];
  samples.push(now / 1000, sampleOf(listed, before));
  for (const edge of listed) {
    const ring = samplesByEdge.get(edge.id) ?? new Ring(KEPT, SERIES);
    samplesByEdge.set(edge.id, ring);
    ring.push(now / 1000, sampleOf([edge], before));
    if (edge.draining) drainingFrom.set(edge.id, Math.max(drainingFrom.get(edge.id) ?? 0, edge.connections));
    else drainingFrom.delete(edge.id);
  }
  const ids = new Set(listed.map(({ id }) => id));
  const left = before.filter(({ id }) => !ids.has(id)).map((edge) => ({ ...edge, lastSeen: now }));
  const gone = [...left, ...goneEdges.peek()];
  const shown = gone.filter(({ id, lastSeen }) => !ids.has(id) && now - lastSeen < SPAN_SECONDS * 1000);
  for (const { id } of gone) {
    if (!ids.has(id) && !shown.some((edge) => edge.id === id)) samplesByEdge.delete(id);
  }
  if (left.length > 0 || shown.length < gone.length) goneEdges.value = shown;
  edges.value = listed.toSorted((a, b) => a.url.localeCompare(b.url) || a.id.localeCompare(b.id));
}
