import type { Webhook } from '../../api/webhooks.ts';
import { Badge } from '../../components/facts.tsx';
import { clock, date, duration } from '../../state/format.ts';

export const REFRESH_MS = 3_000;

const BADGES = {
  active: ['ok', 'Active'],
  failing: ['warn', 'Failing'],
  paused: ['warn', 'Paused'],
  waiting: ['warn', 'Waiting'],
  disabled: ['fail', 'Disabled'],
} as const;

export function WebhookState({ webhook: { state } }: { readonly webhook: Webhook }) {
  const [kind, text] = BADGES[state];
  return <Badge kind={kind}>{text}</Badge>;
}

/** What the state means, and what follows from it. */
export function meaningOf({ state, app, disabledReason, disabledAt, pausedUntil }: Webhook): string {
  if (state === 'active') return 'Events are delivered as they come.';
  if (state === 'failing') {
    return 'Its last try failed. It is tried again with growing pauses of up to an hour; after 24 hours of failures it is disabled. Events wait meanwhile.';
  }
  if (state === 'paused') {
    const until = pausedUntil === null ? '' : ` until ${clock(Date.parse(pausedUntil), { fraction: false })}`;
    return `It asked for a pause${until} by Retry-After. Events wait meanwhile.`;
  }
  if (state === 'waiting') {
    return `No API key has the app ${app ?? ''}, whose secret signs: nothing is sent until the keys file has it; after 24 hours it is disabled. Events wait meanwhile.`;
  }
  const since = disabledAt === null ? '' : ` at ${date(Date.parse(disabledAt))}`;
  if (disabledReason === 'unknown-app') {
    return `No API key had the app ${app ?? ''} for 24 hours${since}: nothing is sent until it is enabled. Give the app back to the keys file first, or take the endpoint out of WEBHOOKS_FILE.`;
  }
  return disabledReason === 'gone'
    ? `It answered 410 (gone)${since}: nothing is sent until it is enabled. Take it out of WEBHOOKS_FILE if it is really gone.`
    : `Every try of 24 hours failed${since}: nothing is sent until it is enabled. Events wait as long as the buffer holds them.`;
}

/** The age of the oldest event that is not delivered. */
export function Lag({ webhook: { lagSeconds } }: { readonly webhook: Webhook }) {
  return lagSeconds === 0 ? <span class="hint">nothing waits</span> : <>{duration(Math.max(1, lagSeconds))}</>;
}

const OUTCOMES: Readonly<Record<NonNullable<Webhook['lastError']>['outcome'], string>> = {
  delivered: 'Delivered',
  refused: 'Refused',
  gone: 'Gone',
  'time-out': 'No answer in time',
  unreachable: 'Not reachable',
  'address-not-allowed': 'Address not allowed',
  'unknown-app': 'No such app',
};

/** How a try ended, in words, with the status of the answer. */
export function outcomeText(outcome: keyof typeof OUTCOMES, status: number | null): string {
  return status === null ? OUTCOMES[outcome] : `${OUTCOMES[outcome]}, answered ${status}`;
}
