import { forEachBounded } from '@holdfast/harness/bounded';
import { drained } from './drained.ts';
import { Publications } from './publications.ts';
import { messagesTaken, redisDataBytes, residentBytes, settledResidentBytes, share } from './measurements.ts';
import { monotonicMs } from '@holdfast/harness/clock';
import { CALLS_AT_ONCE, type RunOptions, type Scene, conduct, progressOf, shown, timed } from './conduct.ts';
import { publishAtRate } from './publisher.ts';
import { mixSeeds, seededRandom } from '@holdfast/harness/random';
import { type Facts, type Report, reportOf } from './report.ts';
import { retrying } from '@holdfast/harness/retry';
import { Spread } from './spread.ts';

/**
 * Topics keep everything for the whole run, so that a resume, and the settling of unanswered publishes, find all of it.
 */
const HISTORY_SECONDS = 24 * 3600;
/** The most of a topic's history; a run that publishes more on one topic than this can settle only its end. */
const MAX_HISTORY_SIZE = 1_000_000;
/** The topics of messages are drawn from a stream of the seed of their own; the spread uses those of small numbers. */
const MESSAGES_STREAM = 2 ** 30;

/**
 * One run: creates topics, registers and connects clients, publishes, waits, verifies; and removes all of it again,
 * however it went. Rejects when a phase could not be done, or with the signal's reason.
 */
export async function runLoad(options: RunOptions): Promise<Report> {
  const { run, facts, leftBehind } = await conduct(options, (scene) => new Phases(scene).all());
  return reportOf(options.plan, run, options.workers, facts, leftBehind);
}

class Phases {
  readonly #scene: Scene;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  async all(): Promise<Facts> {
    const { plan, target, signal, pool } = this.#scene;
    await this.#createTopics();
    const redisBefore = await redisDataBytes(target.redisUrls);
    const registeringMs = await timed(this.#scene, 'registering', 'registered', () =>
      pool.all('register', null, signal),
    );
    const redisRegistered = await redisDataBytes(target.redisUrls);
    const edgesBefore = await residentBytes(target.edgePids);
    const connectingMs = await timed(this.#scene, 'connecting', 'connected', () => pool.all('connect', null, signal));
    const { connected } = progressOf(pool);
    const edgesAfter = await settledResidentBytes(target.edgePids, signal);
    const redisConnected = await redisDataBytes(target.redisUrls);
    const takenBefore = await messagesTaken(target.redisUrls);
    const published = await this.#publishAndVerify();
    const taken = await messagesTaken(target.redisUrls);
    return {
      registeringMs,
      connectingMs,
      connected,
      edgeBytesPerConnection: share(edgesBefore, edgesAfter, connected),
      redisBytesPerClient: share(redisBefore, redisRegistered, plan.clients),
      redisBytesPerConnectedClient: share(redisBefore, redisConnected, plan.clients),
      publishedByServer: taken.map((count, index) => count - (takenBefore[index] ?? 0)),
      ...published,
    };
  }

  async #createTopics(): Promise<void> {
    const { plan, signal, display, control, topics } = this.#scene;
    const size = Math.min(MAX_HISTORY_SIZE, Math.ceil(plan.rate * plan.seconds) + 1);
    display.begin('creating topics', plan.topics);
    let created = 0;
    const create = async (topic: string) => {
      await retrying(() => control.createTopic(topic, { size, seconds: HISTORY_SECONDS }), signal);
      created += 1;
      display.update(created);
    };
    await forEachBounded(topics, CALLS_AT_ONCE, create, signal);
  }

  async #publishAndVerify(): Promise<
    Pick<Facts, 'publishingMs' | 'publishingAt' | 'expected' | 'publications' | 'findings'>
  > {
    const { plan, signal, display, control, pool, run, topics } = this.#scene;
    const publications = new Publications(plan.topics);
    const subscribers = new Spread(plan.topics, plan.topicsPerClient, plan.seed).subscribers(plan.clients);
    display.begin('publishing', Math.round(plan.rate * plan.seconds));
    const publishingAt = monotonicMs();
    const publishingMs = await publishAtRate({
      control,
      publications,
      topicNames: topics,
      run: run.id,
      rate: plan.rate,
      seconds: plan.seconds,
      size: plan.size,
      random: seededRandom(mixSeeds(plan.seed, MESSAGES_STREAM)),
      signal,
      onAnswer: (answers) => display.update(answers),
    });
    await publications.settle(control, topics, run.id);
    const expected = publications.deliveries(subscribers);
    display.begin('delivered', expected);
    await shown(display, pool, 'deliveries', () => drained(expected, plan.clients, () => progressOf(pool), signal));
    display.end();
    const findings = await pool.all('verify', publications.published());
    return { publishingMs, publishingAt, expected, publications, findings };
  }
}
