import type {
  PresenceChange,
  PresenceOutcome,
  PresenceSnapshot,
  PresenceVersion,
  PresentMember,
} from '@holdfast/broker/presence-state';
import type { TopicState } from '@holdfast/broker/topic-state';
import { PRESENCE_COUNT_EVERY_MS, PRESENCE_EVERY_MS } from '@holdfast/protocol/limits';
import type { LiveUpdate } from '../presence/replica.ts';

type Infos = Map<string, string | null>;

/** What is kept of one topic. */
interface Here {
  version: number;
  /** By edge. */
  edges: Map<string, { sequence: number; members: Infos }>;
  /** As it was published with the version. */
  published: Infos;
  publishedAt: number;
  onlyCount: boolean;
}

export interface MemoryPresenceDeps {
  /** Of a topic; null when it does not exist, or has no presence. */
  settingsOf: (topic: string) => TopicState['presence'];
  publish: (topic: string, update: LiveUpdate) => void;
}

/** Presence as Redis keeps it, in memory: what edges wrote, and versions of what all of them have together. */
export class MemoryPresence {
  readonly #deps: MemoryPresenceDeps;
  /** As the time in Redis: far ahead of all versions that were published before. */
  #clock = 0;
  #topics = new Map<string, Here>();
  /** Topics in which an edge has members, by edge. */
  readonly listed = new Map<string, Set<string>>();
  /** Edges that left in order. */
  readonly left = new Set<string>();

  constructor(deps: MemoryPresenceDeps) {
    this.#deps = deps;
  }

  /** Who is present on a topic, on all edges. */
  members(topic: string): string[] {
    return [...union(this.#here(topic)).keys()].toSorted();
  }

  /** Redis has lost all that was written. */
  lose(): void {
    this.#topics.clear();
    this.listed.clear();
  }

  /** What is stored; `restore` makes it be what is stored once more. */
  saved(): Map<string, Here> {
    return structuredClone(this.#topics);
  }

  restore(saved: Map<string, Here>): void {
    this.#topics = structuredClone(saved);
  }

  /** The last version has the number of the one before, which was lost. */
  renumber(topic: string): void {
    this.#here(topic).version -= 1;
  }

  note(edge: string, topics: readonly string[]): void {
    this.listed.set(edge, new Set([...(this.listed.get(edge) ?? []), ...topics]));
  }

  forget(edge: string, topics: readonly string[]): void {
    for (const topic of topics) this.listed.get(edge)?.delete(topic);
  }

  /** Takes out the members of an edge that died. */
  reap(edge: string): void {
    for (const [topic, here] of this.#topics) {
      here.edges.delete(edge);
      this.flush(topic);
    }
  }

  change(topic: string, edge: string, { sequence, confirmed, first, joined, left }: PresenceChange): PresenceOutcome {
    if (this.#deps.settingsOf(topic) === null) return { kind: 'off' };
    const known = this.#here(topic).edges.get(edge)?.sequence ?? 0;
    if (known !== confirmed && (known < first || known >= sequence)) return { kind: 'out-of-sequence' };
    const members = new Map(this.#here(topic).edges.get(edge)?.members);
    for (const { id, info } of joined) members.set(id, info);
    for (const id of left) members.delete(id);
    return this.#write(topic, edge, sequence, members);
  }

  set(topic: string, edge: string, sequence: number, members: readonly PresentMember[]): PresenceOutcome {
    if (this.#deps.settingsOf(topic) === null) return { kind: 'off' };
    const here = this.#here(topic);
    here.version = Math.max(here.version, this.#now());
    return this.#write(topic, edge, sequence, new Map(members.map(({ id, info }) => [id, info])));
  }

  flush(topic: string): Exclude<PresenceOutcome, { kind: 'out-of-sequence' }> {
    const settings = this.#deps.settingsOf(topic);
    if (settings === null) return { kind: 'off' };
    const here = this.#here(topic);
    const present = union(here);
    const past = settings.show === 'count' || present.size > settings.limit * (here.onlyCount ? 0.9 : 1);
    const { joined, left } = changes(here.published, present);
    const isChanged = past !== here.onlyCount || joined.length + left.length > 0;
    if (!isChanged) return { kind: 'changed', waitMs: null };
    const waitMs =
      here.publishedAt + (here.onlyCount ? PRESENCE_COUNT_EVERY_MS : PRESENCE_EVERY_MS) - performance.now();
    if (waitMs > 0) return { kind: 'changed', waitMs };
    const pairs = joined.map(({ id, info }) => [id, info ?? '']);
    const text = past ? 'count' : here.onlyCount ? 'reset' : JSON.stringify({ joined: pairs, left });
    Object.assign(here, {
      version: here.version + 1,
      published: present,
      publishedAt: performance.now(),
      onlyCount: past,
    });
    this.#deps.publish(topic, { version: here.version, count: present.size, data: Buffer.from(text) });
    return { kind: 'changed', waitMs: null };
  }

  /** @param known the edge's own sequence; where it has one the topic is listed again */
  check(topic: string, edge: string, known: number): PresenceVersion | null {
    if (this.#deps.settingsOf(topic) === null) return null;
    if (known > 0) this.note(edge, [topic]);
    const here = this.#topics.get(topic);
    if (here === undefined) return { version: 0, sequence: 0, count: 0, pending: false };
    const present = union(here);
    const { joined, left } = changes(here.published, present);
    const sequence = here.edges.get(edge)?.sequence ?? 0;
    return { version: here.version, sequence, count: present.size, pending: joined.length + left.length > 0 };
  }

  snapshot(topic: string): PresenceSnapshot | null {
    const settings = this.#deps.settingsOf(topic);
    if (settings === null) return null;
    const here = this.#topics.get(topic);
    if (here === undefined) return { version: 0, count: 0, members: settings.show === 'count' ? null : [] };
    const members = [...here.published].map(([id, info]) => ({ id, info }));
    return { version: here.version, count: members.length, members: here.onlyCount ? null : members };
  }

  #write(topic: string, edge: string, sequence: number, members: Infos): PresenceOutcome {
    const here = this.#here(topic);
    if (members.size === 0) here.edges.delete(edge);
    else here.edges.set(edge, { sequence, members });
    return this.flush(topic);
  }

  #now(): number {
    this.#clock += 100_000;
    return this.#clock;
  }

  #here(topic: string): Here {
    const found = this.#topics.get(topic);
    if (found) return found;
    const onlyCount = this.#deps.settingsOf(topic)?.show === 'count';
    const made: Here = {
      version: this.#now(),
      edges: new Map(),
      published: new Map(),
      publishedAt: Number.NEGATIVE_INFINITY,
      onlyCount,
    };
    this.#topics.set(topic, made);
    return made;
  }
}

function union({ edges }: Here): Infos {
  const present: Infos = new Map();
  for (const name of [...edges.keys()].toSorted().toReversed()) {
    for (const [id, info] of edges.get(name)?.members ?? []) present.set(id, info);
  }
  return present;
}

function changes(before: Infos, after: Infos): { joined: PresentMember[]; left: string[] } {
  const joined = [...after].flatMap(([id, info]) => (before.has(id) && before.get(id) === info ? [] : [{ id, info }]));
  const left = [...before].flatMap(([id, info]) => (after.has(id) && after.get(id) === info ? [] : [id]));
  return { joined, left };
}
