import { FixedHistogram } from '@holdfast/service/fixed-histogram';

/**
 * What an edge counts. Plain numbers, because the hot path adds to some of them a million times a second; they become
 * metrics at a scrape (`metrics.ts`).
 */
export function newCounters() {
  return {
    messagesReceived: 0,
    deliveries: 0,
    deliveredBytes: 0,
    gapsFound: 0,
    gapMessagesFilled: 0,
    lostAnnounced: 0,
    catchUps: 0,
    logReads: 0,
    resubscriptions: 0,
    subscriberConnectionsLost: 0,
    driftFound: 0,
    leaseRenewalsMissed: 0,
    leasesExpired: 0,
    slowConsumers: 0,
    evictedStuck: 0,
    evictedOverflow: 0,
    badFrames: 0,
    tooManyFrames: 0,
    heartbeatsMissed: 0,
    handshakesAccepted: 0,
    probesMissed: 0,
    presenceFrames: 0,
  };
}

export type Counters = ReturnType<typeof newCounters>;

/** What an edge measures, as histograms that add up over edges. */
export function newLatencies() {
  return {
    /** From the time in a message's id to the last write of it to live subscribers. */
    publishToWrite: new FixedHistogram(),
    loopbackProbe: new FixedHistogram(),
  };
}

export type Latencies = ReturnType<typeof newLatencies>;
