import { signal } from '@preact/signals';
import { type CallError, toCallError } from '../api/call-error.ts';
import { type Capacity, type Edge, listEdges, readCapacity } from '../api/edges.ts';
import { send } from '../api/send.ts';
import { Ring } from './ring.ts';
import { NOTHING, SERIES, type SeriesName, sampleOf } from './samples.ts';

export const POLL_MS = 2_000;
/** Ten minutes. */
const KEPT = 300;
/** How long an edge that is no longer listed is still shown. */
const GONE_MS = 600_000;

export interface GoneEdge extends Edge {
  /** When it was listed for the last time, in Unix milliseconds. */
  readonly lastSeen: number;
}

/** What is known of the installation, kept fresh while the page is seen and the key has `manage`. */
export const edges = signal<readonly Edge[] | null>(null);
/** Those that have left the list lately, latest first. */
export const goneEdges = signal<readonly GoneEdge[]>([]);
export const capacity = signal<Capacity | null>(null);
/** Why the last look failed; null when it did not. */
export const pollError = signal<CallError | null>(null);
/** When it last succeeded, in Unix milliseconds; null: not yet. */
export const polledAt = signal<number | null>(null);

export const samples = new Ring<SeriesName>(KEPT, SERIES);
/** Counts up with each sample: charts read it to draw again. */
export const sampled = signal(0);

/** Polls until the returned function is called. Pauses while the page is hidden. */
export function startPolling(): () => void {
  const stopped = new AbortController();
  const { signal: stop } = stopped;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let polling = false;
  const poll = async (): Promise<void> => {
    if (polling || document.hidden || stop.aborted) return;
    polling = true;
    const began = Date.now();
    await look(stop);
    polling = false;
    clearTimeout(timer);
    if (!stop.aborted) timer = setTimeout(() => void poll(), Math.max(0, began + POLL_MS - Date.now()));
  };
  document.addEventListener('visibilitychange', () => void poll(), { signal: stop });
  lookAgain = () => void poll();
  void poll();
  return () => {
    stopped.abort();
    clearTimeout(timer);
    lookAgain = () => undefined;
  };
}

let lookAgain: () => void = () => undefined;

/** Looks at once, as after a change that was made here. */
export function pollNow(): void {
  lookAgain();
}

async function look(stop: AbortSignal): Promise<void> {
  try {
    const [listed, read] = await Promise.all([
      send(listEdges(), { signal: stop }),
      send(readCapacity(), { signal: stop }),
    ]);
    const now = Date.now();
    remember(listed.edges, now);
    capacity.value = read;
    pollError.value = null;
    polledAt.value = now;
    samples.push(now / 1000, sampleOf(listed.edges, read));
  } catch (error) {
    if (stop.aborted) return;
    pollError.value = toCallError(error);
    samples.push(Date.now() / 1000, NOTHING);
  }
  sampled.value++;
}

function remember(listed: readonly Edge[], now: number): void {
  const ids = new Set(listed.map(({ id }) => id));
  const lost = (edges.peek() ?? []).filter(({ id }) => !ids.has(id)).map((edge) => ({ ...edge, lastSeen: now }));
  const known = goneEdges.peek().filter(({ id, lastSeen }) => !ids.has(id) && now - lastSeen < GONE_MS);
  if (lost.length + known.length + goneEdges.peek().length > 0) goneEdges.value = [...lost, ...known];
  edges.value = listed.toSorted((a, b) => a.url.localeCompare(b.url) || a.id.localeCompare(b.id));
}
