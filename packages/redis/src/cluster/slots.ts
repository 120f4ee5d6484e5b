// @ts-expect-error -- the library has no types.
import calculateSlot from 'cluster-key-slot';

/** The slots of a Redis Cluster. */
export const SLOTS = 16_384;

/** The slot of a key or channel: CRC16 of the text in its first braces, or of all of it, modulo 16,384. */
export const slotOf = calculateSlot as (key: string) => number;

/** Slots that follow each other and have one master, according to one node. */
interface Claim {
  readonly from: number;
  readonly to: number;
  /** `host:port` of the master. */
  readonly address: string;
  /** When two masters claim a slot, the later epoch has it: that is how nodes settle it among themselves. */
  readonly epoch: number;
}

/** A Cluster as one node describes it. */
export interface ClusterView {
  readonly claims: readonly Claim[];
  /** Every node it names, replicas as well. */
  readonly addresses: readonly string[];
  /** Whether the node reports that the Cluster serves. */
  readonly isServing: boolean;
}

/** What the views of several nodes give together. */
export interface ClusterMap {
  /** Slot to the address of its master; undefined for one that no node serves. */
  readonly owners: readonly (string | undefined)[];
  readonly addresses: ReadonlySet<string>;
  readonly isServing: boolean;
}

export interface NodeAnswers {
  /** Of CLUSTER SLOTS. */
  slots: unknown;
  /** Of CLUSTER NODES; null when it is refused. */
  nodes: unknown;
  /** Of CLUSTER INFO; null when it is refused. */
  info: unknown;
  /** Where it was asked: a node that does not know its own name leaves it out. */
  askedAt: string;
}

/** Decodes what one node answered. */
export function viewOf({ slots, nodes, info, askedAt }: NodeAnswers): ClusterView {
  const epochs = epochsOf(typeof nodes === 'string' ? nodes : '');
  const claims: Claim[] = [];
  const addresses = new Set<string>();
  for (const range of listOf(slots)) {
    const [from, to, master, ...replicas] = listOf(range);
    const [host, port, id] = listOf(master);
    const address = addressOf(host, port, askedAt);
    claims.push({ from: Number(from), to: Number(to), address, epoch: epochs.get(String(id)) ?? 0 });
    addresses.add(address);
    for (const replica of replicas) {
      const [replicaHost, replicaPort] = listOf(replica);
      addresses.add(addressOf(replicaHost, replicaPort, askedAt));
    }
  }
  return {
    claims,
    addresses: [...addresses],
    isServing: typeof info !== 'string' || !/^cluster_state:fail/m.test(info),
  };
}

/** A master that was cut off still claims its slots; of several claims the one with the latest epoch counts. */
export function mapOf(views: readonly ClusterView[]): ClusterMap {
  const owners = Array.from<string | undefined>({ length: SLOTS });
  const epochs = new Float64Array(SLOTS).fill(-1);
  for (const { from, to, address, epoch } of views.flatMap(({ claims }) => claims)) {
    for (let slot = from; slot <= to; slot += 1) {
      if (epoch <= (epochs[slot] ?? Infinity)) continue;
      epochs[slot] = epoch;
      owners[slot] = address;
    }
  }
  return {
    owners,
    addresses: new Set(views.flatMap((view) => view.addresses)),
    // A node that was cut off reports that it does not serve, of itself only.
    isServing: views.some((view) => view.isServing),
  };
}

/** Slots without a master, for log lines: `0-5460, 7000`; null when there are none. */
export function uncovered(owners: readonly (string | undefined)[]): string | null {
  const ranges: string[] = [];
  for (let slot = 0; slot < SLOTS; slot += 1) {
    if (owners[slot] !== undefined) continue;
    const from = slot;
    while (slot + 1 < SLOTS && owners[slot + 1] === undefined) slot += 1;
    ranges.push(from === slot ? String(from) : `${from}-${slot}`);
  }
  return ranges.length === 0 ? null : ranges.join(', ');
}

/** Host and port of an address, which may be an IPv6 one. */
export function endpointOf(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(address.slice(colon + 1)) };
}

/** Of `id host:port@bus flags master ping pong epoch …`, a line for each node. */
function epochsOf(nodes: string): Map<string, number> {
  return new Map(
    nodes.split('\n').map((line) => {
      const [id = '', , , , , , epoch] = line.split(' ');
      return [id, Number(epoch)];
    }),
  );
}

function addressOf(host: unknown, port: unknown, askedAt: string): string {
  const known = typeof host === 'string' && host !== '' && host !== '?';
  return `${known ? host : endpointOf(askedAt).host}:${String(port)}`;
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
