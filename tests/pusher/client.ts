import assert from 'node:assert/strict';
import { eventually } from '@holdfast/testkit/eventually';
import type { Channel, Options, PresenceChannel } from 'pusher-js';
import type { Application } from './application.ts';
import { PusherJs, hostOptions } from './libraries.ts';

/** A frame as pusher-js hands it out: `data` is decoded. */
export interface Received {
  readonly event: string;
  readonly channel?: string;
  readonly data?: unknown;
  readonly user_id?: string;
}

export interface ClientOptions extends Partial<Options> {
  /** An edge, or what stands before it. */
  url: string;
  key: string;
  /** Who it is for the application. */
  user?: string;
  application?: Application;
}

const ACTIONS = ['refused', 'backoff', 'retry', 'tls_only'];

/** pusher-js in this process, and what it received. `using` it. */
export class Client implements Disposable {
  readonly pusher: PusherJs;
  /** Every frame after the first, in order. */
  readonly received: Received[] = [];
  readonly states: string[] = [];
  /** What the library emits as `error`. */
  readonly errors: unknown[] = [];
  /** After how many seconds it said that it will try again. With a close code of 4200 to 4299 it does so at once, whatever it says. */
  readonly retries: number[] = [];
  /** What it made of close codes of connections that were established: `refused`, `backoff` or `retry`. */
  readonly actions: string[] = [];

  constructor({ url, key, user, application, ...options }: ClientOptions) {
    const headers = user === undefined ? {} : { Authorization: `Bearer ${user}` };
    this.pusher = new PusherJs(key, {
      ...hostOptions(url),
      ...(application && {
        channelAuthorization: { endpoint: application.authEndpoint, transport: 'ajax', headers },
        userAuthentication: { endpoint: application.userAuthEndpoint, transport: 'ajax', headers },
      }),
      ...options,
    });
    const { connection } = this.pusher;
    this.states.push(connection.state);
    connection.bind('message', (event: Received) => this.received.push(event));
    connection.bind('state_change', ({ current }: { current: string }) => this.states.push(current));
    connection.bind('error', (error: unknown) => this.errors.push(error));
    connection.bind('connected', () => {
      for (const action of ACTIONS) connection.connection.bind(action, () => this.actions.push(action));
    });
    connection.bind('connecting_in', (seconds: number) => this.retries.push(seconds));
  }

  /** Waits until it is connected, and gives its socket id. */
  async connected(): Promise<string> {
    await eventually(() => assert.equal(this.pusher.connection.state, 'connected'));
    return this.pusher.connection.socket_id;
  }

  /** Subscribes and waits until it is. */
  async subscribe(name: string): Promise<Channel> {
    const channel = this.pusher.subscribe(name);
    await eventually(() => assert.ok(channel.subscribed, `${name} is not subscribed to`));
    return channel;
  }

  async join(name: string): Promise<PresenceChannel> {
    return (await this.subscribe(name)) as PresenceChannel;
  }

  /** The events of a channel so far, without those of the protocol. */
  events(channel: string): Received[] {
    return this.received.filter((frame) => frame.channel === channel && !/^pusher(_internal)?:/.test(frame.event));
  }

  /** The frames of the protocol of this name so far; of one channel, if it is given. */
  frames(event: string, channel?: string): Received[] {
    return this.received.filter(
      (frame) => frame.event === event && (channel === undefined || frame.channel === channel),
    );
  }

  [Symbol.dispose](): void {
    this.pusher.disconnect();
  }
}

/** The ids of the members, in order. */
export function membersOf(channel: PresenceChannel): string[] {
  return Object.keys(channel.members.members as object).toSorted();
}

let channels = 0;

/** A name that no other test has. */
export function channelName(prefix = ''): string {
  channels += 1;
  return `${prefix}${process.pid}-${channels}`;
}
