import type { Colors } from '@holdfast/harness/program';
import type { Report } from './report.ts';

const NAME_WIDTH = 18;

export const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
export const short = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });

/** A report for people, in lines. */
export function reportText(report: Report, colors: Colors): string {
  const { asked, registration, connections, publishing, deliveries, announced, samples } = report;
  return [
    '',
    colors.bold(
      `${whole.format(asked.clients)} clients, ${whole.format(asked.topics)} topics (${asked.topicsPerClient} a client), ` +
        `${short.format(asked.rate)} messages/s of ${whole.format(asked.size)} bytes for ${short.format(asked.seconds)} s`,
    ),
    line(
      'edges',
      `${report.edgesUsed}; load from ${report.workers} worker ${report.workers === 1 ? 'process' : 'processes'}; seed ${report.seed}`,
    ),
    line('registered', atRate(registration.clients, registration)),
    line('connected', `${atRate(connections.connected, connections)}${asides(report)}`),
    line('published', `${atRate(publishing.published, publishing)}${publishingAsides(report)}`),
    line('deliveries', `${atRate(deliveries.received, deliveries)}, ${whole.format(deliveries.expected)} expected`),
    line('latency', latencyText(report)),
    line('edge memory', bytes(report.memory.edgeBytesPerConnection, 'a connection, idle')),
    line('Redis memory', redisText(report)),
    ...Object.entries(report.faults).map(([kind, count]) => line(kind, faultCount(count, colors))),
    line('announced', announced === 0 ? '0' : colors.yellow(`${whole.format(announced)} missing, as the edges said`)),
    ...samples.map(({ kind, client, topic, id }) => line('', colors.red(`${kind}: client ${client}, ${topic}, ${id}`))),
    ...leftBehind(report, colors),
    '',
    report.ok ? colors.green('Verified: every message, once each, in order.') : colors.red('Faults were found.'),
    '',
  ].join('\n');
}

export function line(name: string, text: string): string {
  return `  ${name.padEnd(NAME_WIDTH)} ${text}`;
}

export function atRate(count: number, { seconds, perSecond }: { seconds: number; perSecond: number }): string {
  return `${whole.format(count)} in ${short.format(seconds)} s (${whole.format(perSecond)}/s)`;
}

export function asides({
  connections: { refusals, closes, reconnects, givenUp },
}: Pick<Report, 'connections'>): string {
  return [
    ...Object.entries(refusals).map(([status, count]) => `, ${whole.format(count)} handshakes put off (${status})`),
    ...Object.entries(closes).map(([code, count]) => `, ${whole.format(count)} closed with ${code}`),
    reconnects > 0 ? `, ${whole.format(reconnects)} reconnects` : '',
    givenUp > 0 ? `, ${whole.format(givenUp)} WITHOUT A CONNECTION` : '',
  ].join('');
}

function publishingAsides({ publishing: { refused, settledFromLog, byServer } }: Report): string {
  return [
    byServer.length > 1
      ? `, by ${byServer.map((count) => whole.format(count)).join(' + ')} to the servers of Redis`
      : '',
    ...Object.entries(refused).map(([code, count]) => `, ${whole.format(count)} NOT PUBLISHED: ${code}`),
    settledFromLog > 0 ? `, ${whole.format(settledFromLog)} without a clear answer found in the log` : '',
  ].join('');
}

function latencyText({ latencyMs }: Report): string {
  if (latencyMs === null) return 'nothing was delivered';
  const { p50, p90, p99, max } = latencyMs;
  return `p50 ${short.format(p50)} ms, p90 ${short.format(p90)} ms, p99 ${short.format(p99)} ms, max ${short.format(max)} ms (from before the publish to the client)`;
}

export function bytes(count: number | null, of: string): string {
  return count === null ? 'not known' : `${whole.format(count)} bytes ${of}`;
}

export function redisText({ memory }: { memory: Omit<Report['memory'], 'edgeBytesPerConnection'> }): string {
  const registered = bytes(memory.redisBytesPerClient, 'a registered client');
  if (memory.redisBytesPerClient === null) return registered;
  const connected = memory.redisBytesPerConnectedClient;
  return `${registered}${connected === null ? '' : `, ${whole.format(connected)} a connected one`}`;
}

export function faultCount(count: number, colors: Colors): string {
  return count === 0 ? colors.green('0') : colors.red(whole.format(count));
}

export function leftBehind({ leftBehind: { clients, topics } }: Pick<Report, 'leftBehind'>, colors: Colors): string[] {
  if (clients === 0 && topics === 0) return [];
  return [
    colors.red(`  Could not be removed again: ${whole.format(clients)} clients, ${whole.format(topics)} topics.`),
  ];
}
