import type { Colors } from '@holdfast/harness/program';
import { asides, atRate, bytes, faultCount, leftBehind, line, redisText, short, whole } from '../report-text.ts';
import type { PresenceReport } from './report.ts';

/** A report for people, in lines. */
export function presenceReportText(report: PresenceReport, colors: Colors): string {
  const { asked, registration, connections, connecting, churn, cpu, memory, members, samples } = report;
  const isCounted = members.present === members.countByRest;
  const byRest = `${whole.format(members.countByRest)} by REST`;
  return [
    '',
    colors.bold(
      `${whole.format(asked.clients)} members of one topic, ${whole.format(report.watchers)} watchers, ` +
        `${short.format(asked.churn)} joins and leaves/s for ${short.format(asked.seconds)} s`,
    ),
    line(
      'edges',
      `${report.edgesUsed}; load from ${report.workers} worker ${report.workers === 1 ? 'process' : 'processes'}; seed ${report.seed}`,
    ),
    line('registered', atRate(registration.clients, registration)),
    line('connected', `${atRate(connections.connected, connections)}${asides(report)}`),
    line('  to a watcher', `${framesText(connecting)}; ${lastText(connecting)}`),
    line(
      'joins, leaves',
      `${whole.format(churn.joins)} + ${whole.format(churn.leaves)}, ${atRate(churn.joins + churn.leaves, churn)}`,
    ),
    line('  to a watcher', `${framesText(churn)}; ${lastText(churn)}`),
    line(
      '  in a second',
      `${short.format(churn.framesPerWatcherAndSecond)} frames, ${whole.format(churn.bytesPerWatcherAndSecond)} bytes, ${short.format(churn.versionsPerSecond)} versions`,
    ),
    line('CPU of edges', sharesText(cpu.edges)),
    line('CPU of Redis', sharesText(cpu.redis)),
    line('CPU of control-api', sharesText(cpu.controls)),
    line('Redis memory', redisText(report)),
    line('  presence', bytes(memory.redisBytesPerMember, 'a member')),
    line('present', `${whole.format(members.present)}, ${isCounted ? byRest : colors.red(byRest)}`),
    ...Object.entries(report.faults).map(([kind, count]) => line(kind, faultCount(count, colors))),
    ...samples.map(({ kind, watcher, detail }) => line('', colors.red(`${kind}: watcher ${watcher}, ${detail}`))),
    ...leftBehind(report, colors),
    '',
    report.ok ? colors.green('Verified: every watcher saw exactly who was present.') : colors.red('Faults were found.'),
    '',
  ].join('\n');
}

function framesText({
  framesPerWatcher,
  bytesPerWatcher,
  snapshotsPerWatcher,
  versionsPerWatcher,
}: PresenceReport['connecting']): string {
  return (
    `${short.format(framesPerWatcher)} frames, ${whole.format(bytesPerWatcher)} bytes, ` +
    `${short.format(snapshotsPerWatcher)} snapshots, ${short.format(versionsPerWatcher)} versions`
  );
}

function lastText({ lastChangeSeenMs }: PresenceReport['connecting']): string {
  return lastChangeSeenMs === null ? 'not all right' : `all right ${whole.format(lastChangeSeenMs)} ms after the last`;
}

function sharesText(shares: readonly number[]): string {
  if (shares.length === 0) return 'not known';
  return `${shares.map((one) => `${short.format(one * 100)} %`).join(', ')} of a core`;
}
