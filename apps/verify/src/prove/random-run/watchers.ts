import { HoldfastError } from '@holdfast/client/holdfast-error';
import { monotonicMs } from '@holdfast/harness/clock';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Company } from '../actors/company.ts';
import type { Control } from '../control.ts';
import { Arrivals, Member } from '../members/member.ts';
import type { Violation } from '../model/model.ts';
import { spansOf, wrongNow } from '../presence/findings.ts';
import { RIGHT_WITHIN_MS, indexSpans, judgePresence } from '../presence/judge.ts';
import { type MemberSpans, PRESENCE_TOPIC, infoOf, memberOf } from '../presence/log.ts';
import { wrongInRest, wrongNames } from '../presence/read-presence.ts';

const WATCHERS = 3;
const BACK_MS = 60_000;
const LOOK_MS = 200;
/** What looking itself takes, on a busy machine. */
const LOOKING_MS = 1000;
const NOT_FOUND = 404;
const CONFLICT = 409;

/** Clients that watch the presence of one topic through a random run. */
export class Watchers {
  readonly #control: Control;
  readonly #members: Member[];

  constructor(control: Control, edgeUrls: readonly string[]) {
    this.#control = control;
    const arrivals = new Arrivals();
    this.#members = Array.from({ length: WATCHERS }, (_, member) => {
      const desired = { topic: PRESENCE_TOPIC, askedAt: monotonicMs(), since: null, endAskedAt: null, endedAt: null };
      const desiredTopics = [desired];
      return new Member({
        member,
        clientId: randomUUID(),
        expectation: 'everything',
        edgeUrls,
        arrivals,
        desiredTopics,
      });
    });
  }

  async begin(): Promise<void> {
    for (const member of this.#members) {
      await this.#register(member);
      member.connect((reason) => {
        if (reason === 'unregistered') void this.#again(member);
      });
    }
    await this.untilBack();
  }

  /** Waits until all are connected: Redis may have lost them. */
  async untilBack(): Promise<void> {
    const deadline = performance.now() + BACK_MS;
    for (;;) {
      const absent = this.#members.filter(({ isOpen }) => !isOpen);
      if (absent.length === 0) return;
      if (performance.now() > deadline) throw new Error(`${absent.length} that watch presence did not come back`);
      await Promise.all(absent.map((member) => this.#register(member)));
      await delay(LOOK_MS);
    }
  }

  /** Waits until all that is shown is what is there, for as long as that may take. Gives what is not, and what never may be. */
  async violations(company: Company): Promise<Violation[]> {
    const deadline = performance.now() + RIGHT_WITHIN_MS + LOOKING_MS;
    const clientIds = [...company.actors.map(({ id }) => id), ...this.#members.map(({ clientId }) => clientId)];
    let wrong: string[];
    do {
      await delay(LOOK_MS);
      const truth = [
        ...(await presentActors(company)),
        ...spansOf(this.#members, ({ clientId }) => memberOf(clientId)),
      ];
      wrong = [
        ...wrongNow(this.#members, truth),
        ...(await wrongInRest(this.#control, truth)),
        ...(await wrongNames(this.#control, clientIds)),
      ];
    } while (wrong.length > 0 && performance.now() < deadline);
    const endAt = monotonicMs();
    const run = { brokenAt: 0, healedAt: endAt, endAt, stays: false };
    const events = this.#members.flatMap(({ member, watch }) =>
      judgePresence({ watcher: member, isReliable: true, events: watch?.events ?? [] }, indexSpans([]), run),
    );
    const sentences = events.map(({ kind, watcher, member }) => `${kind}: ${member}, for watcher ${watcher}`);
    return [...wrong, ...sentences].map((text) => ({ kind: 'presence', text, stream: PRESENCE_TOPIC }));
  }

  close(): void {
    for (const member of this.#members) member.close();
  }

  async #again(member: Member): Promise<void> {
    await this.#register(member);
    member.connect();
  }

  /** Registers it, where it is not. */
  async #register({ clientId }: Member): Promise<void> {
    const options = { clientId, topics: [PRESENCE_TOPIC], info: infoOf(clientId) };
    await this.#control
      .retrying((rest, signal) => rest.register({ ...options, signal }))
      .catch((error: unknown) => {
        // It is registered; or Redis is empty, and the topic about to be made again.
        const status = error instanceof HoldfastError ? error.status : undefined;
        if (status !== CONFLICT && status !== NOT_FOUND) throw error;
      });
  }
}

/** The actors that are connected and that an edge serves the topic to: what the model has checked of their views. */
async function presentActors({ actors, calls }: Company): Promise<MemberSpans[]> {
  const present: MemberSpans[] = [];
  for (const { id } of actors) {
    const seen = await calls.view(id, false, () => false);
    if (seen?.served?.includes(PRESENCE_TOPIC) !== true) continue;
    present.push({ member: memberOf(id), spans: [{ from: 0, to: null }], isUncertain: false });
  }
  return present;
}
