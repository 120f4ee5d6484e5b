import { z } from 'zod';

/** What Pusher's webhooks tell of channels. */
export const pusherEventName = z.enum([
  'channel_occupied',
  'channel_vacated',
  'member_added',
  'member_removed',
  'cache_miss',
  'client_event',
  'subscription_count',
]);

export type PusherEventName = z.output<typeof pusherEventName>;
