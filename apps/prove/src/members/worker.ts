import { HoldfastError } from '@holdfast/client/holdfast-error';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Expectation, Wish } from '../checker/log.ts';
import { forEachBounded } from '../bounded.ts';
import { Control } from '../control.ts';
import { monotonicMs } from '../monotonic.ts';
import { Arrivals } from './arrivals.ts';
import { findingsOf } from './findings.ts';
import { Member } from './member.ts';
import type { Assignment, Orders, Progress, ToWorker } from './worker-protocol.ts';

const CALLS_AT_ONCE = 32;
const LOOK_MS = 20;
const CONNECT_WITHIN_MS = 60_000;
const SAMPLES = 5;

/** The members of one process, and what can be asked of them. */
export class Worker {
  readonly #members: Member[] = [];
  readonly #arrivals = new Arrivals();
  /** Members whose registration is gone, and have not registered again. */
  readonly #unregistered: Member[] = [];
  readonly #paused: (() => void)[] = [];
  #assignment: Assignment | undefined;
  #control: Control | undefined;

  progress(): Progress {
    return { members: this.#members.length, open: this.#members.filter(({ isOpen }) => isOpen).length };
  }

  async carryOut(message: ToWorker): Promise<Orders[keyof Orders]['answer']> {
    switch (message.name) {
      case 'begin':
        return this.#begin(message.ask);
      case 'reached':
        return this.#reached(message.ask);
      case 'pause':
        for (const member of this.#members.slice(0, message.ask.members)) this.#paused.push(member.pause());
        return null;
      case 'unpause':
        for (const goOn of this.#paused.splice(0)) goOn();
        return null;
      case 'forget':
        for (const member of this.#members) member.forgetWishes(message.ask.at);
        return null;
      case 'registerAgain':
        return this.#registerAgain(message.ask.timeoutMs);
      case 'check':
        return findingsOf(this.#members, message.ask);
    }
  }

  async #begin(assignment: Assignment): Promise<null> {
    this.#assignment = assignment;
    this.#control = new Control(assignment.controlUrls, assignment.key);
    await forEachBounded(assignment.members, CALLS_AT_ONCE, async ({ member, topics, expectation }) => {
      await this.#enlist(member, topics, expectation);
    });
    await this.#until(() => this.#members.every(({ isOpen }) => isOpen), CONNECT_WITHIN_MS);
    if (!this.#members.every(({ isOpen }) => isOpen)) throw new Error('not every member got its welcome');
    return null;
  }

  /** Registers a member and connects it. */
  async #enlist(number: number, topics: readonly string[], expectation: Expectation): Promise<Member> {
    const { assignment, control } = this.#begun();
    const clientId = randomUUID();
    const member = new Member({
      member: number,
      clientId,
      expectation,
      edgeUrls: assignment.edgeUrls,
      arrivals: this.#arrivals,
    });
    const wishes: Wish[] = topics.map((topic) => ({
      topic,
      askedAt: monotonicMs(),
      since: null,
      endAskedAt: null,
      endedAt: null,
    }));
    member.wishes.push(...wishes);
    await control
      .retrying((rest, signal) => rest.register({ clientId, topics, signal }))
      .catch((error: unknown) => {
        // Nobody else has this id: an earlier try did it, and only its answer was missing.
        if (!(error instanceof HoldfastError && error.code === 'client-exists')) throw error;
      });
    for (const wish of wishes) wish.since = monotonicMs();
    this.#members.push(member);
    member.connect((reason) => {
      if (reason === 'unregistered') this.#unregistered.push(member);
    });
    return member;
  }

  async #reached({ positions, timeoutMs }: Orders['reached']['ask']): Promise<Orders['reached']['answer']> {
    let late = this.#members.filter(({ expectation }) => expectation !== 'order');
    await this.#until(() => {
      late = late.filter((member) => !member.hasReached(positions));
      return late.length === 0;
    }, timeoutMs);
    return { missing: late.length, samples: late.slice(0, SAMPLES).map(describe) };
  }

  async #registerAgain(timeoutMs: number): Promise<{ registered: number }> {
    const before = this.#members.filter((member) => member.topics.length === 0);
    await this.#until(() => this.#unregistered.length >= before.length, timeoutMs);
    const again = this.#unregistered.splice(0);
    await forEachBounded(again, CALLS_AT_ONCE, async (member) => {
      const topics = [...new Set(member.wishes.map(({ topic }) => topic))];
      await this.#enlist(member.member, topics, member.expectation);
    });
    const isSettled = () => this.#members.every((member) => member.topics.length === 0 || member.isOpen);
    await this.#until(isSettled, timeoutMs);
    return { registered: again.length };
  }

  async #until(isTrue: () => boolean, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!isTrue() && performance.now() < deadline) await delay(LOOK_MS);
  }

  #begun(): { assignment: Assignment; control: Control } {
    if (this.#assignment === undefined || this.#control === undefined) throw new Error('no members were assigned');
    return { assignment: this.#assignment, control: this.#control };
  }
}

function describe(member: Member): string {
  return `member ${member.member}, ${member.isOpen ? 'connected' : 'not connected'}, topics ${member.topics.join(' ')}`;
}
