import type { Position } from '@holdfast/protocol/position-order';
import {
  type Account,
  type AskedMessage,
  type KnownConnection,
  accountOf,
  isDoubtful,
  knownConnections,
  timeOf,
} from './connection-account.ts';
import { CLOCK_MARGIN_MS } from './clocks.ts';
import type { EndedRange, Facts } from './facts.ts';
import { type Explanation, type Findings, timeText } from './findings.ts';
import { connectionsSince } from './remembered.ts';

/** What of a message is known, besides what became of it on connections. */
export interface KnownMessage {
  /** `expired`: the log does not go back so far, and whether there was one of this id is not known either. */
  state: 'kept' | 'was kept' | 'expired';
}

/** The subscription that a message was for. */
export interface Subscription {
  begin: Position;
  /** Null: it is the present one. */
  ended: EndedRange | null;
}

/** What the connections before the one that decides leave open. */
interface Doubts {
  /** It may have been written to this one. */
  unclear: KnownConnection | null;
  /** It was written to this one, and may not have arrived. */
  undelivered: KnownConnection | null;
  /** It was announced as lost to this one, and that may not have arrived. */
  untold: KnownConnection | null;
}

/** What became of a message that was for the client: the first connection that could have it decides. */
export function judgeConnections(
  facts: Facts,
  { begin, ended }: Subscription,
  { state }: KnownMessage,
  findings: Findings,
): Explanation {
  const { topic, id } = facts;
  const at = timeOf(id);
  const message: AskedMessage = { topic, id, begin, ended };
  const all = knownConnections(facts);
  // One that came when the subscription had ended had nothing to do with it.
  const endedAt = ended?.at ?? Number.POSITIVE_INFINITY;
  const connections = all.filter(({ from }) => from <= endedAt + CLOCK_MARGIN_MS);
  const isRemembered = connectionsSince(facts) <= at;
  const doubts: Doubts = { unclear: null, undelivered: null, untold: null };

  for (const connection of connections) {
    const account = accountOf(connection, message, facts);
    // Before it there may have been others, of which nothing is known: only what came while it was open is certain.
    if (!isRemembered && account.kind !== 'not-reached' && account.kind !== 'written')
      return tooOld(findings, connection);
    const explanation = decide(connection, account, { facts, state, findings, doubts });
    if (explanation !== null) return explanation;
  }
  if (!isRemembered) return tooOld(findings, null);
  return judgeWithout({ facts, state, findings, doubts }, ended);
}

interface Judging {
  facts: Facts;
  state: KnownMessage['state'];
  findings: Findings;
  doubts: Doubts;
}

function statedText({ name }: KnownConnection, account: Account, { topic, id }: Facts): string {
  const about = `Connection ${name} resumed ${topic}`;
  return account.kind === 'stated'
    ? `${about}: the client stated that it had everything up to ${account.position}, ${id} with it, so that was not written again.`
    : `${about}: what the client stated that it had is not kept. What followed was written to it.`;
}

/** Null: the next connection decides. */
function decide(connection: KnownConnection, account: Account, judging: Judging): Explanation | null {
  const { facts, state, findings, doubts } = judging;
  const { topic, id } = facts;
  const { name, from, to } = connection;
  const about = `Connection ${name}`;
  switch (account.kind) {
    case 'not-reached':
      // It has nothing to do with one that was published after it.
      if (to !== null && to >= timeOf(id))
        findings.add(to, 'connection', `${endedText(connection)} before ${id} was written to it.`);
      return null;
    case 'unclear':
      findings.add(
        to ?? from,
        to === null ? 'edge' : 'connection',
        `${about}: whether ${id} was written to it is not known, as ${account.why}.`,
      );
      if (!account.open) return findings.unknown('connection', 'Nor is it known whether it resumed from before that.');
      doubts.unclear = connection;
      return null;
    case 'lost': {
      const { after, position } = account.range;
      findings.add(
        from,
        'connection',
        `What followed ${after} on ${topic}, up to ${position}, was announced to connection ${name} as lost.`,
      );
      // Of an announcement of which it is not kept when it was, it may have been at the end.
      if (!isDoubtful(connection, account.range.at ?? Number.POSITIVE_INFINITY, facts.now))
        return findings.verdict('told-lost');
      doubts.untold = connection;
      return doubted(connection, judging);
    }
    case 'behind':
      findings.add(from, 'edge', behindText(connection, account.waits, id));
      if (state === 'kept') return findings.verdict('catching-up');
      findings.add(null, 'log', 'The log does not have it any more, so it is announced to the client as lost.');
      return findings.verdict('expired-from-history');
    case 'written':
      findings.add(
        timeOf(id),
        'connection',
        `${about} was open, and everything on ${topic} up to ${id} was written to its socket.`,
      );
      if (!isDoubtful(connection, timeOf(id), facts.now)) return findings.verdict('delivered');
      return doubted(connection, judging);
    case 'by-resume':
      findings.add(
        from,
        'connection',
        `${about} resumed ${topic}: everything after the position that the client stated was written to it, ${id} with it.`,
      );
      if (isWelcomeDoubtful(connection, facts)) return doubted(connection, judging);
      return findings.verdict('delivered-on-resume');
    case 'stated':
    case 'stated-or-written':
      findings.add(from, 'connection', statedText(connection, account, facts));
      if (account.kind === 'stated-or-written' && isWelcomeDoubtful(connection, facts))
        return doubted(connection, judging);
      if (doubts.untold !== null || (doubts.unclear === null && doubts.undelivered === null))
        return findings.unknown('connection', 'Whether it really had the message only the client knows.');
      // One that the log has was never announced as lost.
      if (doubts.unclear !== null && state !== 'kept') {
        return findings.unknown(
          'connection',
          'Whether it had been announced to the client as lost before is not known.',
        );
      }
      findings.add(null, 'connection', 'So the client had it before, or got it then.');
      return findings.verdict('delivered');
    case 'passed':
      break;
  }
  findings.add(
    from,
    'connection',
    `${about} was opened later and did not resume ${topic}: it was sent nothing from before.`,
  );
  return findings.unknown('connection', 'Whether the client had the message by then only the client knows.');
}

/** No connection could have it since. */
function judgeWithout({ facts, state, findings, doubts }: Judging, ended: Subscription['ended']): Explanation {
  if (doubts.unclear !== null || doubts.undelivered !== null) {
    const back = state === 'kept' ? ' A resume brings it if the client does not have it.' : '';
    return findings.unknown(
      'connection',
      `Whether the client has it only the client knows, and it has not come back since.${back}`,
    );
  }
  if (ended !== null) {
    findings.add(
      ended.at,
      'subscription',
      `The subscription ended then, before any connection could be sent the message.`,
    );
    return findings.verdict('subscription-ended-before');
  }
  findings.add(
    null,
    'connection',
    `The client has not been connected since the message was published, at ${timeText(timeOf(facts.id))}.`,
  );
  if (state !== 'kept') {
    findings.add(
      null,
      'log',
      'The log does not have the message any more: when the client resumes, it is announced as lost.',
    );
    return findings.verdict('expired-from-history');
  }
  findings.add(null, 'log', 'The log has the message: when the client comes back and resumes, it is delivered.');
  return findings.verdict('offline-will-resume');
}

/** Whether what was written with the welcome may not have arrived. */
function isWelcomeDoubtful(connection: KnownConnection, { now }: Facts): boolean {
  return isDoubtful(connection, connection.from + (connection.openedMs ?? 0), now);
}

/** It was written, and may not have arrived: a later connection decides. */
function doubted(connection: KnownConnection, { findings, doubts }: Judging): Explanation | null {
  if (connection.to === null)
    return findings.unknown('edge', 'The client has not answered its edge since: whether that arrived is not known.');
  findings.add(connection.to, 'connection', `${endedText(connection)} so soon after that it may not have arrived.`);
  doubts.undelivered = connection;
  return null;
}

function tooOld(findings: Findings, connection: KnownConnection | null): Explanation {
  const first = connection === null ? '' : ` before ${connection.name}`;
  return findings.unknown(
    'connection',
    `Which connections the client had then${first} is not known: the last 16 are remembered, for 24 hours.`,
  );
}

function endedText({ name, reason }: KnownConnection): string {
  return `Connection ${name} ended (${reason ?? 'no reason is known'})`;
}

function behindText({ name, edge }: KnownConnection, waits: boolean, id: string): string {
  if (waits)
    return `Connection ${name} is open at edge ${edge}; the socket does not take what it is sent, ${id} may be among what waits.`;
  return `Connection ${name} is open at edge ${edge}, and has not got to ${id} yet.`;
}
