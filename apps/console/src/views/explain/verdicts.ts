import type { Verdict } from '../../api/explain.ts';

interface Meaning {
  readonly kind: 'ok' | 'warn' | 'fail';
  readonly title: string;
  readonly means: string;
  readonly do: string;
}

/** Each verdict in words: what it means, and what to do. */
export const VERDICTS: Readonly<Record<Verdict, Meaning>> = {
  delivered: {
    kind: 'ok',
    title: 'It was delivered.',
    means: 'The message was written to the connection that the client had when it was published.',
    do: 'If the application did not see it, look at how it handles its messages.',
  },
  'delivered-on-resume': {
    kind: 'ok',
    title: 'It was delivered late, with a resume.',
    means: 'The client was away when it was published, came back, and got it with what it had missed.',
    do: 'Nothing. How long it was away stands below.',
  },
  'told-lost': {
    kind: 'fail',
    title: 'The client was notified that it is lost.',
    means:
      'When the client came back the history did not go back so far. It got a frame “lost” in place of the message.',
    do: 'Have the application read its state anew on “lost”. Give the topic a longer history if this happens often.',
  },
  'not-registered-then': {
    kind: 'warn',
    title: 'The client was not registered yet.',
    means: 'It was registered after the message had been published. What was published before is not for it.',
    do: 'Register and subscribe clients before what they need is published, or read the history with the API.',
  },
  'not-subscribed-then': {
    kind: 'warn',
    title: 'The client was not subscribed.',
    means: 'The client was registered, but had no subscription to the topic when the message was published.',
    do: 'Look at which topics it should have, and subscribe it.',
  },
  'subscription-ended-before': {
    kind: 'warn',
    title: 'The subscription had ended.',
    means: 'The client had been subscribed to the topic, and no longer was when the message was published.',
    do: 'Find out what unsubscribed it: the audit log of control-api names API keys and calls.',
  },
  'no-such-message': {
    kind: 'warn',
    title: 'There is no such message.',
    means: 'The topic never had a message of this id.',
    do: 'Compare the id with the answer to the publish. An id belongs to one topic.',
  },
  'offline-will-resume': {
    kind: 'warn',
    title: 'It waits until the client comes back.',
    means: 'The client is offline, and the history still has the message.',
    do: 'Nothing, as long as the client comes back before the history lets it go.',
  },
  'catching-up': {
    kind: 'warn',
    title: 'It is on its way.',
    means: 'The client is connected, and has not got so far yet.',
    do: 'Ask again in a moment. A client that stays behind has a slow network, or takes its messages slowly.',
  },
  'expired-from-history': {
    kind: 'fail',
    title: 'It is gone from the history.',
    means: 'The client did not get the message while the history had it.',
    do: 'Give the topic a longer history, in messages or in seconds. It gets “lost” when it comes back.',
  },
  unknown: {
    kind: 'warn',
    title: 'It cannot be said.',
    means: 'What would decide it could not be asked, or is no longer remembered. What is known stands below.',
    do: 'Look at what could not be asked: an edge that does not answer may do so in a moment.',
  },
};
