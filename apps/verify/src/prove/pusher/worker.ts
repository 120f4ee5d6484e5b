import { setTimeout as delay } from 'node:timers/promises';
import { seededRandom } from '@holdfast/harness/random';
import type { Handlers } from '@holdfast/harness/worker-channel';
import { presenceFindingsOf, spansOf, wrongNow } from '../presence/findings.ts';
import { PusherClient } from './client.ts';
import { findingsOf } from './findings.ts';
import { Arrivals, Member } from './member.ts';
import { receptionsOf } from './order.ts';
import type { Assignment, MemberCalls, Progress } from './worker-protocol.ts';

const LOOK_MS = 20;
/** Ten thousand clients and more come one after the other. */
const CONNECT_WITHIN_MS = 240_000;
/** So many connections begin at a time, so that a run does not begin with a storm. */
const BATCH = 20;
const BATCH_MS = 50;
const SAMPLES = 5;

/** The members of one process, and what can be asked of them. */
export class Worker {
  readonly #members: Member[] = [];
  readonly #arrivals = new Arrivals();
  #assignment: Assignment | undefined;

  progress(): Progress {
    return { members: this.#members.length, open: this.#members.filter(({ isOpen }) => isOpen).length };
  }

  /** How it carries out each call. */
  handlers(): Handlers<MemberCalls> {
    return {
      begin: (assignment) => this.#begin(assignment),
      reached: (order) => this.#reached(order),
      absent: () => ({ members: this.#absent().slice(0, SAMPLES) }),
      warmUp: (order) => this.#warmUp(order),
      presenceTruth: () => ({ members: spansOf(this.#members, ({ user }) => user) }),
      presenceWrong: ({ truth }) => ({ wrong: wrongNow(this.#members, truth).slice(0, SAMPLES) }),
      presenceJudge: ({ truth, run }) => presenceFindingsOf(this.#members, truth, run),
      receptions: () => receptionsOf(this.#members),
      check: (order) => findingsOf(this.#members, order),
    };
  }

  /** For those who start it in their own process. */
  [Symbol.dispose](): void {
    for (const member of this.#members) member.close();
  }

  async #begin(assignment: Assignment): Promise<null> {
    this.#assignment = assignment;
    const { members, app, edgeUrls, seed } = assignment;
    const random = seededRandom(seed);
    for (const [index, plan] of members.entries()) {
      const member = new Member({ ...plan, app, edgeUrls, random, arrivals: this.#arrivals });
      this.#members.push(member);
      member.connect();
      if (index % BATCH === BATCH - 1) await delay(BATCH_MS);
    }
    await this.#until(() => this.#absent().length === 0, CONNECT_WITHIN_MS);
    const absent = this.#absent();
    if (absent.length > 0) throw new Error(`not every member is subscribed: ${absent.slice(0, SAMPLES).join('; ')}`);
    return null;
  }

  async #reached({ positions, timeoutMs }: MemberCalls['reached']['ask']): Promise<MemberCalls['reached']['answer']> {
    let late: readonly Member[] = this.#members;
    await this.#until(() => {
      late = late.filter((member) => !member.hasReached(positions));
      return late.length === 0;
    }, timeoutMs);
    return { missing: late.length, samples: late.slice(0, SAMPLES).map((member) => member.describe()) };
  }

  async #warmUp({ edgeUrls, handshakes, lanes }: MemberCalls['warmUp']['ask']): Promise<null> {
    if (this.#assignment === undefined) throw new Error('the worker has no members yet');
    const { app, seed } = this.#assignment;
    const random = seededRandom(seed);
    const lane = async () => {
      for (let count = 0; count < handshakes / lanes; count += 1) {
        const subscribed = Promise.withResolvers<void>();
        const channel = 'prove-warm-up';
        const client = new PusherClient({
          app,
          edgeUrls,
          random,
          onHandshake: () => undefined,
          onEstablished: () => client.send(JSON.stringify({ event: 'pusher:subscribe', data: { auth: '', channel } })),
          onText: (text) => {
            if (text.includes('subscription_succeeded')) subscribed.resolve();
          },
          onEnd: () => undefined,
          onComplaint: (sentence) => subscribed.reject(new Error(sentence)),
        });
        client.connect();
        await subscribed.promise;
        client.close();
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    return null;
  }

  #absent(): string[] {
    return this.#members.filter(({ isOpen }) => !isOpen).map((member) => member.describe());
  }

  async #until(look: () => boolean, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!look() && performance.now() < deadline) await delay(LOOK_MS);
  }
}
