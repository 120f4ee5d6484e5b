import { comparePositions } from '@holdfast/protocol/position-order';
import { INBOX_TOPIC } from '@holdfast/protocol/topic-name';
import { CLOCK_MARGIN_MS } from './clocks.ts';
import { isWithin, timeOf } from './connection-account.ts';
import type { Facts } from './facts.ts';
import { type Explanation, Findings } from './findings.ts';
import { type KnownMessage, type Subscription, judgeConnections } from './judge-connections.ts';
import { subscriptionsSince } from './remembered.ts';

/** Why a client got a message, or did not. Never guesses: what is not shown by the facts is `unknown`. */
export function judge(facts: Facts): Explanation {
  const findings = new Findings();
  const message = findMessage(facts, findings);
  if ('verdict' in message) return message;
  const subscription = findSubscription(facts, findings);
  if ('verdict' in subscription) return subscription;
  return judgeConnections(facts, subscription, message, findings);
}

function findMessage(facts: Facts, findings: Findings): KnownMessage | Explanation {
  const { id, topic, log, past, present } = facts;
  if (comparePositions(id, log.last) > 0) {
    const beyond = highestReached(past, present, topic);
    findings.add(timeOf(log.last), 'topic', `The last message of ${topic} is ${log.last}.`);
    if (beyond !== null && comparePositions(beyond, log.last) > 0) {
      return findings.unknown(
        'connection',
        `A connection had received ${beyond}, which is after that: Redis has lost its last writes, and what they were is not known.`,
      );
    }
    return findings.verdict('no-such-message');
  }
  if (comparePositions(id, log.start) <= 0) {
    findings.add(timeOf(log.start), 'topic', beganText(topic, log.start));
    if (topic === INBOX_TOPIC && comparePositions(id, log.start) < 0) return findings.verdict('not-registered-then');
    if (topic === INBOX_TOPIC) return findings.verdict('no-such-message');
    return findings.unknown('topic', 'Whether there was one before, with a message of this id, is not known.');
  }
  if (log.contains) {
    findings.add(timeOf(id), 'log', `The message ${id} of ${topic} was published then, and is in the log.`);
    return { state: 'kept' };
  }
  const first = log.firstPrev;
  if (first !== null && comparePositions(id, first) > 0) {
    findings.add(timeOf(first), 'log', `The log has every message of ${topic} after ${first}, and none of this id.`);
    return findings.verdict('no-such-message');
  }
  if (id === first || id === log.last) {
    findings.add(
      timeOf(id),
      'log',
      `The message ${id} of ${topic} was published then, and is not in the log any more.`,
    );
    return { state: 'was kept' };
  }
  const text = `The log of ${topic} begins after ${first ?? log.last}: if ${id} was published, it is not in the log any more. What follows holds for one that was.`;
  findings.add(timeOf(first ?? log.last), 'log', text);
  return { state: 'expired' };
}

function beganText(topic: string, start: string): string {
  if (topic === INBOX_TOPIC) return `The client was registered then, and its messages begin after ${start}.`;
  return `The topic ${topic} was created then: its messages come after ${start}. One of the same name that was deleted before is not remembered.`;
}

/** The furthest that any connection is known to have got on a topic; null when none is. */
function highestReached(past: Facts['past'], present: Facts['present'], topic: string): string | null {
  const reached = past.flatMap(({ end }) => (topic === INBOX_TOPIC ? end?.inbox : ownOf(end?.reached, topic)) ?? []);
  const now = present.kind === 'served' ? ownOf(present.served.topics, topic) : undefined;
  const all = now === undefined ? reached : [...reached, now];
  return all.toSorted(comparePositions).at(-1) ?? null;
}

function ownOf(record: Readonly<Record<string, string>> | undefined, name: string): string | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}

function findSubscription(facts: Facts, findings: Findings): Subscription | Explanation {
  const { id, topic, begin, ended, registeredAt } = facts;
  if (begin !== null && comparePositions(begin, id) < 0) {
    if (topic === INBOX_TOPIC) {
      findings.add(timeOf(begin), 'registration', `The client was registered then: it has what follows ${begin}.`);
    } else {
      // The last message before the subscription, which may be much older: no time of the subscription is known.
      findings.add(null, 'subscription', `The client is subscribed to ${topic}, to what follows ${begin}.`);
    }
    return { begin, ended: null };
  }
  const range = ended.find((one) => isWithin(id, one.begin, one.end));
  if (range !== undefined) {
    const text = `The client was subscribed to ${topic} from ${range.begin} on, up to ${range.end}.`;
    findings.add(range.at, 'subscription', text);
    return { begin: range.begin, ended: range };
  }
  if (begin !== null) {
    findings.add(
      timeOf(begin),
      'subscription',
      `The client is subscribed to ${topic} from ${begin} on, which is later.`,
    );
  }
  // Of one that is not for it by its position, only the reason depends on clocks.
  if (timeOf(id) < registeredAt) {
    const text = 'The client was registered then, which is later. An earlier registration of its id is not remembered.';
    findings.add(registeredAt, 'registration', text);
    if (timeOf(id) < registeredAt - CLOCK_MARGIN_MS) return findings.verdict('not-registered-then');
    return findings.unknown(
      'registration',
      'By the clocks of several machines: whether it really is later is not known.',
    );
  }
  return whyNotSubscribed(facts, findings);
}

function whyNotSubscribed(facts: Facts, findings: Findings): Explanation {
  const { id, topic, ended } = facts;
  const before = ended
    .filter(({ end }) => comparePositions(end, id) < 0)
    .toSorted((a, b) => comparePositions(a.end, b.end))
    .at(-1);
  if (subscriptionsSince(facts) > timeOf(id)) {
    return findings.unknown(
      'subscription',
      `Whether the client was subscribed to ${topic} then is not known: what ended so long ago is not remembered.`,
    );
  }
  if (before !== undefined) {
    const text = `The client's subscription to ${topic} ended after ${before.end}, which is earlier.`;
    findings.add(before.at, 'subscription', text);
    return findings.verdict('subscription-ended-before');
  }
  findings.add(null, 'subscription', `No subscription of the client to ${topic} held when the message was published.`);
  return findings.verdict('not-subscribed-then');
}
