import { channelTopic, onlineChannel } from '@holdfast/protocol/pusher-channels';
import { MAX_WATCHLIST } from '@holdfast/protocol/pusher-limits';
import { isSignedIn } from './authorization.ts';
import type { ChannelWatchers } from './channel-watchers.ts';
import type { SignInFrame } from './client-frames.ts';
import type { PusherConnection } from './connection.ts';
import { closings, refusals } from './faults.ts';
import { errorFrame, signedInFrame, watchlistFrame } from './frames.ts';
import { readUserData } from './member.ts';
import { CHANNEL_PRESENCE } from './attempts.ts';
import type { Subscribing } from './subscribing.ts';

/** A user that a connection watches. */
interface Watched {
  user: string;
  watchers: ChannelWatchers | null;
}

/**
 * Signs connections in as users. Each user has a channel of which its signed-in connections are the members: it shows who is
 * online to those that watch the user, and is where the connections of a user are ended from.
 */
export class SignIn {
  readonly #subscribing: Pick<Subscribing, 'attempt'>;
  /** By the topic of that channel. */
  readonly #signedIn = new Map<string, Set<PusherConnection>>();
  /** Those that have not joined that channel yet, and are not answered. */
  readonly #joining = new Set<PusherConnection>();

  constructor(subscribing: Pick<Subscribing, 'attempt'>) {
    this.#subscribing = subscribing;
  }

  /** How many users are signed in here. */
  get users(): number {
    return this.#signedIn.size;
  }

  onSignIn(connection: PusherConnection, frame: SignInFrame): void {
    const { app } = connection;
    if (app === null) return;
    if (!isSignedIn(app.known, connection.id, frame)) {
      connection.sendFrame(errorFrame(refusals.notSignedIn));
      return;
    }
    const read = readUserData(frame.userData);
    if (!read.ok) {
      connection.sendFrame(errorFrame({ ...refusals.badUser, message: read.why }));
      return;
    }
    const { user, watchlist } = read.value;
    if (connection.user !== null) {
      const isSame = connection.user.id === user.id;
      // It is answered when the channel is joined, once.
      if (isSame && this.#joining.has(connection)) return;
      connection.sendFrame(isSame ? signedInFrame(frame.userData) : errorFrame(refusals.otherUser));
      return;
    }
    connection.user = user;
    const topic = channelTopic(app.known.appId, onlineChannel(user.id));
    connection.onlineTopic = topic;
    const others = this.#signedIn.get(topic);
    if (others === undefined) this.#signedIn.set(topic, new Set([connection]));
    else others.add(connection);
    this.#joining.add(connection);
    // Answered earlier, a user whom the backend ends at once would stay.
    this.#attempt(connection, user.id, () => {
      this.#joining.delete(connection);
      connection.sendFrame(signedInFrame(frame.userData));
      if (watchlist.length > MAX_WATCHLIST) connection.sendFrame(errorFrame(refusals.watchlist));
      if (watchlist.length > 0) this.#watch(connection, watchlist.slice(0, MAX_WATCHLIST));
    });
  }

  /** The connections of the user of this channel are ended, for ever. */
  terminate(topic: string): void {
    for (const connection of this.#signedIn.get(topic) ?? []) connection.closeWith(closings.terminated);
  }

  /** A connection has ended. */
  onEnd(connection: PusherConnection): void {
    this.#joining.delete(connection);
    const topic = connection.onlineTopic;
    const others = topic === null ? undefined : this.#signedIn.get(topic);
    others?.delete(connection);
    if (topic !== null && others?.size === 0) this.#signedIn.delete(topic);
  }

  /** Shows who of these users is online: all at once when that is known of all, then every change. */
  #watch(connection: PusherConnection, users: readonly string[]): void {
    const watched: Watched[] = [];
    for (const user of users) {
      this.#attempt(connection, user, (watchers) => {
        if (watched.push({ user, watchers }) === users.length) showAll(connection, watched);
      });
    }
  }

  #attempt(connection: PusherConnection, user: string, onJoined: (watchers: ChannelWatchers | null) => void): void {
    this.#subscribing.attempt({
      as: 'watcher',
      connection,
      topic: channelTopic(connection.app?.known.appId ?? '', onlineChannel(user)),
      presence: CHANNEL_PRESENCE,
      onJoined: ({ watchers }) => onJoined(watchers),
    });
  }
}

function showAll(connection: PusherConnection, watched: readonly Watched[]): void {
  const isOnline = ({ watchers }: Watched): boolean => watchers?.isOccupied === true;
  const events = (['online', 'offline'] as const).flatMap((name) => {
    const some = watched.filter((one) => isOnline(one) === (name === 'online')).map(({ user }) => user);
    return some.length === 0 ? [] : [{ name, user_ids: some }];
  });
  connection.sendFrame(watchlistFrame(events));
}
