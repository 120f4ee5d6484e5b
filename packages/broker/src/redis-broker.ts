import type { Commands } from '@holdfast/redis/commands';
import { type BrokenRecord, BrokenRecords } from './broken-records.ts';
import type { ControlBroker, EdgeBroker, EdgePresence } from './broker.ts';
import { keyUsageStore } from './api-keys/usage.ts';
import { controlChannels, edgeChannels } from './channels/channels.ts';
import { claimStore } from './clients/claims.ts';
import { clientStore } from './clients/clients.ts';
import { refStore } from './clients/refs.ts';
import { registrationStore } from './clients/registrations.ts';
import { deadEdgeStore } from './edges/dead-edges.ts';
import { leaseStore } from './edges/leases.ts';
import { pendingStore } from './edges/pending.ts';
import { edgeNotes } from './edges/notes.ts';
import { survey } from './edges/survey.ts';
import { lossEvents } from './events/losses.ts';
import { eventReaper } from './events/event-reaper.ts';
import { type EventWriter, eventWriter } from './events/writer.ts';
import { type Keys, redisKeys } from './keys.ts';
import { recounting } from './channels/recounting.ts';
import { occupancyChanges } from './occupancy/changes.ts';
import { edgeOccupancy } from './occupancy/edge-occupancy.ts';
import { occupancyReaper } from './occupancy/reaping.ts';
import { presenceChanges } from './presence/changes.ts';
import { edgePresence } from './presence/edge-presence.ts';
import { presenceNotes } from './presence/notes.ts';
import { presencePages } from './presence/pages.ts';
import { presenceReaper } from './presence/reaping.ts';
import { presenceVersions } from './presence/versions.ts';
import { expiryStore } from './topics/expiry.ts';
import { quotaStore } from './topics/quotas.ts';
import { topicStore } from './topics/topics.ts';
import { membershipStore } from './users/memberships.ts';
import { userRestoration } from './users/restore.ts';
import { userStore } from './users/users.ts';
import { tryWrites } from './write-trial.ts';

/** What control-api needs, over one connection for commands. `onBroken` gets each record that cannot be read. */
export function controlBroker(
  redis: Commands,
  prefix: string,
  onBroken?: (record: BrokenRecord) => void,
): ControlBroker {
  const keys = redisKeys(prefix);
  const broken = new BrokenRecords(onBroken);
  const pending = pendingStore(redis, keys);
  const expiry = expiryStore(redis, keys);
  const events = eventWriter(redis, keys);
  const topics = topicStore(redis, keys, pending, broken, expiry, events, 'callers');
  const memberships = membershipStore(redis, keys);
  const clients = clientStore(redis, keys, pending, broken, events);
  const leases = leaseStore(redis, keys);
  const { changes, notes, versions } = presenceParts(redis, keys, events);
  const occupancy = occupancyParts(redis, keys, events);
  const pages = presencePages(redis, keys, versions);
  return {
    ...clients,
    ...registrationStore(redis, keys, pending, memberships, events),
    ...userStore(redis, keys, { pending, topics, readClients: clients.readClients }),
    ...userRestoration(redis, keys, memberships, pending),
    ...refStore(redis, keys),
    ...topics,
    ...quotaStore(redis, keys, topics, expiry),
    ...pages,
    ...controlChannels(redis, keys, {
      notes: occupancy.notes,
      alive: leases.alive,
      countPresent: pages.countPresent,
    }),
    ...occupancyReaper(redis, keys, {
      ...occupancy,
      events,
      alive: leases.alive,
      recounted: recounting(redis, keys, events),
    }),
    ...presenceReaper(redis, keys, changes, notes, leases.alive),
    ...leases,
    ...keyUsageStore(redis, keys),
    ...deadEdgeStore(redis, keys, events, leases.alive),
    ...survey(redis, keys),
    ...eventReaper(redis, keys),
    refreshEvents: events.refresh,
    tryWrites: () => tryWrites(redis, keys),
  };
}

/** What a socket-edge needs, over one connection for commands. */
export function edgeBroker(redis: Commands, prefix: string): EdgeBroker & EdgePresence {
  const keys = redisKeys(prefix);
  const broken = new BrokenRecords();
  const pending = pendingStore(redis, keys);
  const expiry = expiryStore(redis, keys);
  const events = eventWriter(redis, keys);
  const { changes, notes, versions } = presenceParts(redis, keys, events);
  const occupancy = occupancyParts(redis, keys, events);
  return {
    refreshEvents: events.refresh,
    ...pending,
    ...claimStore(redis, keys, events),
    ...clientStore(redis, keys, pending, broken, events),
    ...topicStore(redis, keys, pending, broken, expiry, events, 'edges'),
    touchTopic: expiry.touchTopic,
    ...leaseStore(redis, keys),
    ...survey(redis, keys),
    ...lossEvents(redis, events),
    ...edgeOccupancy(redis, keys, occupancy.changes, occupancy.notes, events),
    ...edgePresence(redis, keys, changes, notes, versions),
    ...edgeChannels(redis, keys, events),
    refsOf: refStore(redis, keys).refsOf,
  };
}

function presenceParts(redis: Commands, keys: Keys, events: EventWriter) {
  return {
    changes: presenceChanges(redis, keys, events),
    notes: presenceNotes(redis, keys),
    versions: presenceVersions(redis, keys),
  };
}

function occupancyParts(redis: Commands, keys: Keys, events: EventWriter) {
  return {
    changes: occupancyChanges(redis, keys, events),
    notes: edgeNotes(redis, { topicsOf: keys.edgeTopics, edges: keys.edgesWithTopics }),
  };
}
