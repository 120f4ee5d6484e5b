import { HoldfastError } from '@holdfast/client/holdfast-error';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Expectation, DesiredTopic } from '../checker/log.ts';
import { forEachBounded } from '@holdfast/harness/bounded';
import { Control } from '../control.ts';
import { monotonicMs } from '@holdfast/harness/clock';
import { seededRandom } from '@holdfast/harness/random';
import { Arrivals } from './member.ts';
import { type Caller, subscribe, unsubscribe } from './changes.ts';
import { findingsOf } from './findings.ts';
import { Member } from './member.ts';
import { changeItsMind, comeAndGo } from './changes.ts';
import { fight } from './changes.ts';
import { crowd } from './crowd.ts';
import { presenceFindingsOf, spansOf, wrongNow } from '../presence/findings.ts';
import { PRESENCE_TOPIC, infoOf, memberOf } from '../presence/log.ts';
import type { Handlers } from '@holdfast/harness/worker-channel';
import type { Assignment, MemberCalls, Progress } from './worker-protocol.ts';

const CALLS_AT_ONCE = 32;
const LOOK_MS = 20;
/** Ten thousand clients and more come one after the other. */
const CONNECT_WITHIN_MS = 240_000;
const SAMPLES = 5;

/** The members of one process, and what can be asked of them. */
export class Worker {
  readonly #members: Member[] = [];
  readonly #arrivals = new Arrivals();
  /** Members whose registration is gone, and have not registered again. */
  readonly #unregistered: Member[] = [];
  readonly #paused: (() => void)[] = [];
  /** Members whose clients were taken over, and those that took them. */
  readonly #takenOver: Member[] = [];
  readonly #takers: Member[] = [];
  #assignment: Assignment | undefined;
  #control: Control | undefined;

  progress(): Progress {
    return { members: this.#members.length, open: this.#members.filter(({ isOpen }) => isOpen).length };
  }

  /** How it carries out each call. */
  handlers(): Handlers<MemberCalls> {
    return {
      begin: (assignment) => this.#begin(assignment),
      reached: (order) => this.#reached(order),
      absent: () => ({ members: this.#absent() }),
      pause: (order) => this.#pause(order),
      unpause: () => this.#unpause(),
      who: ({ members }) => ({ clientIds: this.#first(members).map(({ clientId }) => clientId) }),
      change: (order) => this.#change(order),
      twins: (order) => this.#twins(order),
      takeOver: (order) => this.#takeOver(order),
      takenOver: () => ({
        open: this.#takenOver.filter(({ isOpen }) => isOpen).length,
        disturbed: this.#takers.filter(({ closes }) => closes.size > 0).length,
      }),
      storm: (order) => this.#storm(order),
      forget: ({ at }) => this.#forget(at),
      registerAgain: ({ timeoutMs }) => this.#registerAgain(timeoutMs),
      crowd: (order) => this.#crowd(order),
      presenceTruth: () => ({ members: spansOf(this.#members, ({ clientId }) => memberOf(clientId)) }),
      presenceWrong: ({ truth }) => ({ wrong: wrongNow(this.#members, truth).slice(0, SAMPLES) }),
      presenceJudge: ({ truth, run }) => presenceFindingsOf(this.#members, truth, run),
      check: (order) => findingsOf(this.#members, order),
    };
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
    const desiredTopics: DesiredTopic[] = topics.map((topic) => ({
      topic,
      askedAt: monotonicMs(),
      since: null,
      endAskedAt: null,
      endedAt: null,
    }));
    member.desiredTopics.push(...desiredTopics);
    const info = topics.includes(PRESENCE_TOPIC) ? infoOf(clientId) : undefined;
    await control
      .retrying((rest, signal) => rest.register({ clientId, topics, info, signal }))
      .catch((error: unknown) => {
        // No other run has this id: an earlier try did it, and only its answer was missing.
        if (!(error instanceof HoldfastError && error.code === 'client-exists')) throw error;
      });
    for (const desired of desiredTopics) desired.since = monotonicMs();
    this.#members.push(member);
    member.connect((reason) => {
      if (reason === 'unregistered') this.#unregistered.push(member);
    });
    return member;
  }

  async #reached({ positions, timeoutMs }: MemberCalls['reached']['ask']): Promise<MemberCalls['reached']['answer']> {
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
      const topics = [...new Set(member.desiredTopics.map(({ topic }) => topic))];
      await this.#enlist(member.member, topics, member.expectation);
    });
    const isSettled = () => this.#members.every((member) => member.topics.length === 0 || member.isOpen);
    await this.#until(isSettled, timeoutMs);
    return { registered: again.length };
  }

  #absent(): string[] {
    const absent = this.#faithful().filter((member) => !member.isOpen && member.topics.length > 0);
    return absent.slice(0, SAMPLES).map(describe);
  }

  #pause({ from, count, forEver }: MemberCalls['pause']['ask']): null {
    for (const member of this.#faithful().slice(from, from + count)) {
      const goOn = member.pause();
      if (forEver) member.expectation = 'order';
      else this.#paused.push(goOn);
    }
    return null;
  }

  #unpause(): null {
    for (const goOn of this.#paused.splice(0)) goOn();
    return null;
  }

  #forget(at: number): null {
    for (const member of this.#members) member.endDesired(at);
    return null;
  }

  async #change({
    what,
    members,
    topic,
    controlUrls,
    retry,
  }: MemberCalls['change']['ask']): Promise<MemberCalls['change']['answer']> {
    const control = new Control(controlUrls, this.#begun().assignment.key);
    const call: Caller = (ask) => (retry ? control.retrying(ask) : control.once(ask));
    const change = what === 'subscribe' ? subscribe : unsubscribe;
    let done = 0;
    // Each call under way has a connection, and an address may have a thousand of them.
    await forEachBounded(this.#first(members), CALLS_AT_ONCE, async (member) => {
      try {
        await change(member, topic, call);
        done += 1;
      } catch (error) {
        // One that was to be tried until it is done, and never was: the fault would not be what it says.
        if (retry) throw error;
      }
    });
    return { done };
  }

  async #twins({ members, ms }: MemberCalls['twins']['ask']): Promise<MemberCalls['twins']['answer']> {
    const { assignment } = this.#begun();
    const random = seededRandom(assignment.seed);
    const counts = this.#first(members).map(async (member) => {
      const twin = this.#twinOf(member, 'order', assignment.edgeUrls);
      return fight(member, twin, ms, random);
    });
    const replaced = (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
    await this.#until(() => this.#faithful().every(({ isOpen }) => isOpen), CONNECT_WITHIN_MS);
    return { replaced };
  }

  #twinOf({ member, clientId, desiredTopics }: Member, expectation: Expectation, edgeUrls: readonly string[]): Member {
    const twin = new Member({ member, clientId, expectation, edgeUrls, arrivals: this.#arrivals, desiredTopics });
    this.#members.push(twin);
    return twin;
  }

  async #takeOver({
    edge,
    members,
    edgeUrls,
  }: MemberCalls['takeOver']['ask']): Promise<MemberCalls['takeOver']['answer']> {
    const victims = this.#faithful().filter((member) => member.edge === edge && member.isOpen);
    for (const victim of victims.slice(0, members)) {
      victim.expectation = 'order';
      this.#takenOver.push(victim);
      const taker = this.#twinOf(victim, 'everything', edgeUrls);
      this.#takers.push(taker);
      taker.connect();
    }
    await this.#until(() => this.#takers.every(({ isOpen }) => isOpen), CONNECT_WITHIN_MS);
    return { takenOver: this.#takers.filter(({ isOpen }) => isOpen).length };
  }

  async #storm({ members, topics, ms }: MemberCalls['storm']['ask']): Promise<MemberCalls['storm']['answer']> {
    const { assignment, control } = this.#begun();
    const random = seededRandom(assignment.seed);
    const deadline = performance.now() + ms;
    const some = this.#first(members);
    const minds = some.map((member) => changeItsMind(member, topics, deadline, control, random));
    const guests = some.map(({ member, topics: wanted }) =>
      comeAndGo(() => this.#enlist(member, wanted, 'everything'), deadline, control, random),
    );
    const changes = await Promise.all(minds);
    return {
      subscribed: changes.reduce((sum, { subscribed }) => sum + subscribed, 0),
      unsubscribed: changes.reduce((sum, { unsubscribed }) => sum + unsubscribed, 0),
      registered: (await Promise.all(guests)).reduce((sum, count) => sum + count, 0),
    };
  }

  async #crowd({ clients, ms }: MemberCalls['crowd']['ask']): Promise<MemberCalls['crowd']['answer']> {
    const { assignment, control } = this.#begun();
    const guests: Member[] = [];
    const numbers = Array.from({ length: clients }, (_, index) => this.#members.length + index);
    await forEachBounded(numbers, CALLS_AT_ONCE, async (number) => {
      guests.push(await this.#enlist(number, [PRESENCE_TOPIC], 'order'));
    });
    return crowd(guests, { deadline: performance.now() + ms, control, random: seededRandom(assignment.seed) });
  }

  /** Those to which everything is owed. */
  #faithful(): Member[] {
    return this.#members.filter(({ expectation }) => expectation === 'everything');
  }

  #first(members: number): Member[] {
    return this.#faithful().slice(0, members);
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
  const where = member.isOpen ? 'connected' : member.standing;
  return `member ${member.member} (${where}), topics ${member.topics.join(' ')}`;
}
