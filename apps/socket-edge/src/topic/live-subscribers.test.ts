import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { broadcast } from '../transport/broadcast.ts';
import { LiveSubscribers } from './live-subscribers.ts';
import { Connection } from '../connection/connection.ts';
import { Subscription } from './subscription.ts';
import { newCounters } from '../counters.ts';
import { topicHarness } from '../testing/topic-harness.ts';
import { RecordingTransport } from '../testing/recording-transport.ts';
import { someClaim } from '../testing/some-claim.ts';

const { topic } = topicHarness();
/** Two of these are too much for a socket that takes nothing. */
const frames = Buffer.alloc(40 * 1024);
const TOO_MUCH_BYTES = 64 * 1024;
/** A deadline that is over: one run of sends, and no more. */
const OVER = 0;

interface Member {
  subscription: Subscription;
  socket: RecordingTransport;
  /** Where it was taken in. */
  head: number;
}

function memberAt(head: number): Member {
  const socket = new RecordingTransport();
  const connection = new Connection(someClaim(), socket, 'open', newCounters());
  return { subscription: new Subscription(topic, connection, '0-0 0', `${head}-0`), socket, head };
}

const step = fc.oneof(
  fc.record({ add: fc.integer({ min: 1, max: 30 }) }),
  fc.record({ remove: fc.nat({ max: 99 }) }),
  fc.record({ begin: fc.constant(true) }),
  fc.record({ serve: fc.constant(true) }),
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Run {
  readonly live = new LiveSubscribers('0-0', broadcast);
  readonly members: Member[] = [];
  head = 0;
  /** Of each subscriber that left: up to where it was served, and the position that it got. */
  readonly left: { served: string; position: string }[] = [];

  do(each: Step): void {
    if ('add' in each) for (let count = 0; count < each.add; count += 1) this.#add();
    else if ('remove' in each) this.#remove(each.remove % Math.max(1, this.members.length));
    else if ('serve' in each) this.live.serve(OVER);
    else if (!this.live.busy) {
      this.head += 1;
      this.live.begin(frames, `${this.head}-0`);
    }
  }

  #add(): void {
    const member = memberAt(this.head);
    member.socket.stopped = this.members.length % 2 === 1;
    this.live.add(member.subscription);
    this.members.push(member);
  }

  #remove(index: number): void {
    const [member] = this.members.splice(index, 1);
    if (member === undefined || !this.live.remove(member.subscription)) return;
    this.left.push({ served: servedTo(member), position: member.subscription.position });
  }
}

const isFull = ({ socket }: Member) => socket.bufferedBytes > TOO_MUCH_BYTES;
const servedTo = ({ head, socket }: Member) => `${head + socket.writes.length}-0`;

it('a subscriber that leaves, at whatever time, gets exactly the position up to which it was served; none is served twice, forgotten, or taken for another', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      const run = new Run();
      for (const each of steps) {
        run.do(each);
        expect(run.live.size).toBe(run.members.length);
        const reached = run.members.map(({ subscription }) => run.live.reached(subscription));
        expect(reached).toEqual(run.members.map(servedTo));
        expect(run.members.map(({ subscription }) => subscription.subscriber.blocked)).toEqual(run.members.map(isFull));
      }
      while (run.live.busy) run.live.serve(OVER);
      expect(run.members.map(servedTo)).toEqual(run.members.map(() => `${run.head}-0`));
      expect(run.left.map(({ position }) => position)).toEqual(run.left.map(({ served }) => served));
    }),
    { numRuns: 300 },
  );
});

it('a subscription that is no member cannot be removed', () => {
  expect(new LiveSubscribers('0-0', broadcast).remove(memberAt(0).subscription)).toBe(false);
});
