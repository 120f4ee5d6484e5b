import { type FaultKind, faultKinds } from './checker.ts';
import type { Facts } from './facts.ts';
import { summaryOf } from './latency.ts';
import type { Plan } from './plan.ts';
import { type Report, isFlawless } from './report.ts';
import { Counters } from '@holdfast/harness/counters';
import type { Findings } from './worker-protocol.ts';

const SAMPLES = 20;

/** Puts together what the phases and the workers found. */
export function reportOf(
  plan: Plan,
  run: string,
  workers: number,
  facts: Facts,
  leftBehind: Report['leftBehind'],
): Report {
  const { findings, ledger } = facts;
  const sum = (of: (one: Findings) => number) => findings.reduce((total, one) => total + of(one), 0);
  const published = ledger.published().reduce((total, entries) => total + entries.length, 0);
  const received = sum((one) => one.deliveries);
  const { clients, topics, topicsPerClient, rate, seconds, size, seed } = plan;
  const found: Omit<Report, 'ok'> = {
    run,
    seed,
    asked: { clients, topics, topicsPerClient, rate, seconds, size },
    workers,
    edgesUsed: new Set(findings.flatMap((one) => one.edges)).size,
    registration: { clients, ...pace(clients, facts.registeringMs) },
    connections: {
      connected: facts.connected,
      ...pace(facts.connected, facts.connectingMs),
      refusals: merged(findings.map((one) => one.refusals)),
      closes: merged(findings.map((one) => one.closes)),
      reconnects: sum((one) => one.reconnects),
      givenUp: sum((one) => one.givenUp),
    },
    publishing: {
      published,
      ...pace(published, facts.publishingMs),
      refused: Object.fromEntries(ledger.refused),
      settledFromLog: ledger.settled,
      byServer: facts.publishedByServer,
    },
    deliveries: { expected: facts.expected, received, ...pace(received, deliveringMs(facts)) },
    latencyMs: summaryOf(findings.map((one) => one.latency)),
    memory: {
      edgeBytesPerConnection: facts.edgeBytesPerConnection,
      redisBytesPerClient: facts.redisBytesPerClient,
      redisBytesPerConnectedClient: facts.redisBytesPerConnectedClient,
    },
    faults: Object.fromEntries(faultKinds.map((kind) => [kind, sum((one) => one.faults[kind])])) as Record<
      FaultKind,
      number
    >,
    announced: sum((one) => one.announced),
    samples: findings.flatMap((one) => one.samples).slice(0, SAMPLES),
    leftBehind,
  };
  return { ok: isFlawless(found), ...found };
}

function pace(count: number, ms: number): { seconds: number; perSecond: number } {
  return { seconds: round(ms / 1000), perSecond: ms > 0 ? round((count * 1000) / ms) : 0 };
}

/** From the first publish to the last arrival. */
function deliveringMs({ findings, publishingAt }: Facts): number {
  return Math.max(0, ...findings.map((one) => (one.lastDeliveryAt ?? publishingAt) - publishingAt));
}

function merged(counts: readonly Record<string, number>[]): Record<string, number> {
  const tally = new Counters();
  for (const one of counts) tally.addAll(one);
  return tally.counts();
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
