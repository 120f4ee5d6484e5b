import type { EdgeDetails } from '@holdfast/broker/edge-state';
import type { SystemFacts } from '@holdfast/service/system-facts';
import type { DoctorFacts } from '../facts.ts';
import { type Finding, type Subject, ok, unknown, useOf, warn } from '../finding.ts';
import { edgeName } from './edges.ts';

/** Of thousands of clients that come back at once, those that find the queue full try again after 1, 3, 7 and 15 s. */
const LEAST_SOMAXCONN = 4096;
/** What Linux grants by default. */
const LEAST_LOCAL_PORTS = 20_000;
/** A connection tracked by the firewall stays for minutes after its end. */
const TRACKED_PER_CONNECTION = 2;

const subjects = {
  openFiles: { id: 'open-files', why: 'Each connection is a file descriptor; without one an edge refuses with 503' },
  somaxconn: { id: 'somaxconn', why: 'Connections past it get no answer when many come at once' },
  tcpMemory: { id: 'tcp-memory', why: 'Past it the kernel drops what sockets receive, and connections stall' },
  conntrack: { id: 'conntrack', why: 'A full table drops packets of new connections, without a word to anybody' },
  localPorts: {
    id: 'local-ports',
    why: 'A proxy on this machine needs one for each connection to an edge, of each address',
  },
} as const satisfies Record<string, Subject>;

/** The machines, as their processes see them. */
export function checkSystems({ control, edges }: DoctorFacts): Finding[] {
  const hosts = Map.groupBy(edges ?? [], ({ load, id }) => load?.host ?? id);
  return [
    ...(edges ?? []).map(openFiles),
    ...checkMachine('this control-api', control.system, null),
    ...[...hosts].flatMap(([host, group]) => {
      const [system] = group.flatMap(({ facts }) => facts?.system ?? []);
      const places = group.reduce((sum, { maxConnections }) => sum + maxConnections, 0);
      return system === undefined ? [] : checkMachine(`host ${host}`, system, places);
    }),
  ];
}

function openFiles(edge: EdgeDetails): Finding {
  const where = edgeName(edge);
  const limit = edge.facts?.system?.maxOpenFiles ?? null;
  if (limit === null) {
    return unknown(subjects.openFiles, where, 'the edge does not report its limit', 'Look yourself: ulimit -n');
  }
  // Before Linux 6.2 the kernel does not count them: each connection has one.
  const used = edge.load?.openFiles ?? edge.connections;
  const advice = 'Raise the limit of open files of the edge (LimitNOFILE, ulimits.nofile), or start more edges';
  return useOf(subjects.openFiles, where, used, limit, advice);
}

/** @param places connections that its edges may hold; null when it has none */
function checkMachine(where: string, system: SystemFacts, places: number | null): Finding[] {
  const { platform, somaxconn, tcpMemoryLimitBytes, tcpMemoryBytes, conntrackMax, conntrackCount } = system;
  if (platform !== 'linux') {
    return [unknown(subjects.somaxconn, where, `the limits of ${platform} are not known here`, 'Look yourself')];
  }
  return [
    somaxconn === null
      ? unknown(subjects.somaxconn, where, 'it is not to be had here', 'On the host: sysctl net.core.somaxconn')
      : waiting(where, somaxconn),
    tcpMemoryLimitBytes === null
      ? unknown(
          subjects.tcpMemory,
          where,
          'a container does not see it',
          'On the host compare `mem` of /proc/net/sockstat with the third number of sysctl net.ipv4.tcp_mem',
        )
      : useOf(
          subjects.tcpMemory,
          where,
          mib(tcpMemoryBytes ?? 0),
          mib(tcpMemoryLimitBytes),
          'Raise net.ipv4.tcp_mem, or spread the connections over more machines; the figures are MiB',
        ),
    tracked(where, conntrackMax, conntrackCount, places),
    localPorts(where, system),
  ];
}

function mib(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}

function waiting(where: string, somaxconn: number): Finding {
  if (somaxconn >= LEAST_SOMAXCONN) return ok(subjects.somaxconn, where, String(somaxconn));
  return warn(subjects.somaxconn, where, String(somaxconn), `Set net.core.somaxconn to ${LEAST_SOMAXCONN} or more`);
}

function tracked(where: string, max: number | null, count: number | null, places: number | null): Finding {
  if (max === null) return ok(subjects.conntrack, where, 'connections are not tracked here');
  const advice = 'Raise net.netfilter.nf_conntrack_max, or exempt the ports of the edges from tracking (NOTRACK)';
  const use = useOf(subjects.conntrack, where, count ?? 0, max, advice);
  const wanted = (places ?? 0) * TRACKED_PER_CONNECTION;
  if (use.status !== 'ok' || max >= wanted) return use;
  return warn(subjects.conntrack, where, `${use.seen}; the edges here may hold ${places} connections`, advice);
}

function localPorts(where: string, { firstLocalPort: first, lastLocalPort: last }: SystemFacts): Finding {
  if (first === null || last === null) {
    const advice = 'On the host: sysctl net.ipv4.ip_local_port_range';
    return unknown(subjects.localPorts, where, 'the range is not to be had here', advice);
  }
  const count = last - first + 1;
  const seen = `${first} to ${last}, ${count} ports`;
  if (count >= LEAST_LOCAL_PORTS) return ok(subjects.localPorts, where, seen);
  return warn(subjects.localPorts, where, seen, 'Set net.ipv4.ip_local_port_range to 1024 65535');
}
