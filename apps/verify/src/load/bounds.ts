/** What this machine lets one process have. */
export interface Bounds {
  /** Descriptors a process may open. */
  descriptors: number;
  /** Processor cores. */
  cores: number;
}

/** How the clients are spread over processes. */
export interface Capacity {
  workers: number;
  /** How many edges an installation of our own needs. */
  edges: number;
}

/** What a process needs besides its clients' sockets: its files, its calls, its logs, its metrics. */
const RESERVED_DESCRIPTORS = 600;
/** Far below the 20,000 descriptors of a common limit; more sockets do not fit into one core's time anyway. */
const CLIENTS_PER_WORKER = 12_000;
const CLIENTS_PER_EDGE = 15_000;
/** Fewer are not worth a process of their own. */
const MIN_CLIENTS_PER_WORKER = 2_000;
/** One byte of a worker's loopback address names it; see `sourceAddresses`. */
const MAX_WORKERS = 250;
/** Each is a process of some 70 MB. */
export const MAX_EDGES = 64;
/** One edge alone would show nothing of how an installation works. */
const MIN_EDGES = 2;

/**
 * Reads the bounds of this process, which its children inherit. Node has raised the soft limit to the hard one at its
 * start.
 */
export function readBounds(cores: number): Bounds {
  const report = process.report.getReport() as { userLimits?: { open_files?: { hard?: number | string } } };
  const limit = Number(report.userLimits?.open_files?.hard);
  return { descriptors: Number.isNaN(limit) ? Infinity : limit, cores };
}

/** How many processes so many clients need within the bounds. A string says why it cannot be done. */
export function capacityFor(clients: number, { descriptors, cores }: Bounds): Capacity | string {
  const free = descriptors - RESERVED_DESCRIPTORS;
  const clientsPerWorker = Math.min(CLIENTS_PER_WORKER, free);
  const clientsPerEdge = Math.min(CLIENTS_PER_EDGE, free);
  const needed = clientsPerWorker < 1 ? Infinity : Math.ceil(clients / clientsPerWorker);
  const edges = Math.max(MIN_EDGES, clientsPerEdge < 1 ? Infinity : Math.ceil(clients / clientsPerEdge));
  if (needed > MAX_WORKERS || edges > MAX_EDGES) {
    return `${clients} connections need more processes than can be started with ${descriptors} descriptors each: raise the limit (ulimit -n)`;
  }
  // Half of the cores are for what is measured.
  const useful = Math.min(Math.floor(cores / 2), Math.floor(clients / MIN_CLIENTS_PER_WORKER));
  return { workers: Math.min(MAX_WORKERS, Math.max(1, needed, useful)), edges };
}
