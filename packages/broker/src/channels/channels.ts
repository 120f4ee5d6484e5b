import type { Commands } from '@holdfast/redis/commands';
import type { ControlChannels, EdgeChannels } from '../broker.ts';
import type { EventWriter } from '../events/writer.ts';
import type { Keys } from '../keys.ts';
import { appStore } from './apps.ts';
import { channelEvents } from './channel-events.ts';
import { channelCounts } from './counts.ts';
import { type ListingDeps, channelListing } from './listing.ts';
import { channelOpening } from './opening.ts';
import { channelPublishing } from './publishing.ts';

export function edgeChannels(redis: Commands, keys: Keys, events: EventWriter): EdgeChannels {
  return {
    ...channelPublishing(redis, keys),
    ...channelOpening(redis, keys),
    ...channelCounts(redis, keys, events),
    ...channelEvents(redis, events),
    readApp: appStore(redis, keys).readApp,
  };
}

export function controlChannels(redis: Commands, keys: Keys, deps: ListingDeps): ControlChannels {
  return {
    ...channelPublishing(redis, keys),
    ...channelListing(redis, keys, deps),
    writeApps: appStore(redis, keys).writeApps,
  };
}
