import { z } from 'zod';

/** Why a client got a message, or did not. */
export const verdict = z.enum([
  'delivered',
  'delivered-on-resume',
  'told-lost',
  'not-registered-then',
  'not-subscribed-then',
  'subscription-ended-before',
  'no-such-message',
  'offline-will-resume',
  'catching-up',
  'expired-from-history',
  'unknown',
]);

export type Verdict = z.output<typeof verdict>;

export const explainResponse = z.object({
  verdict,
  evidence: z
    .array(
      z.object({
        at: z.iso.datetime().nullable().describe('The time of what it tells; null: there is none'),
        source: z
          .enum(['topic', 'log', 'registration', 'subscription', 'connection', 'edge'])
          .describe('Where it was found'),
        text: z.string(),
      }),
    )
    .describe('What the verdict rests on, in order; of `unknown`, also what could not be found out'),
});
