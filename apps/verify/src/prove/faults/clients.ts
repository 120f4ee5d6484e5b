import { DidNotHappen } from '../not-run.ts';
import type { Fault } from '../fault.ts';
import { readMetric } from '../installation/servers.ts';
import type { Scene } from '../scene.ts';

const STORM_MS = 6000;
const SHARE = 0.1;

export const subscriptionStorm: Fault = {
  name: 'subscription-storm',
  proves: 'Subscribing, unsubscribing, registering and unregistering without pause: everybody gets what is theirs.',
  quick: true,
  recoversWithinMs: 5000,
  inject: async ({ pool, members, laterTopics, now }) => {
    const brokenAt = now();
    const perWorker = Math.ceil((members * SHARE) / pool.size);
    const answers = await pool.all('storm', { members: perWorker, topics: laterTopics, ms: STORM_MS });
    const sum = (field: 'subscribed' | 'unsubscribed' | 'registered') =>
      answers.reduce((total, answer) => total + answer[field], 0);
    if (sum('subscribed') === 0 || sum('registered') === 0) throw new DidNotHappen('nobody changed anything');
    const proof = `${sum('subscribed')} subscribed, ${sum('unsubscribed')} unsubscribed, ${sum('registered')} registered and unregistered`;
    return { proof, brokenAt, healedAt: now() };
  },
};

const FIGHT_MS = 4000;
const TWIN_CONNECTIONS_SHARE = 0.2;

export const twinConnections: Fault = {
  name: 'twin-connections',
  proves: 'Two connections of one client replace each other again and again: the newest has it, and nothing is lost.',
  quick: true,
  recoversWithinMs: 5000,
  inject: async ({ pool, members, now }) => {
    const brokenAt = now();
    const perWorker = Math.ceil((members * TWIN_CONNECTIONS_SHARE) / pool.size);
    const answers = await pool.all('twins', { members: perWorker, ms: FIGHT_MS });
    const replaced = answers.reduce((sum, answer) => sum + answer.replaced, 0);
    if (replaced === 0) throw new DidNotHappen('no connection was replaced');
    const proof = `${perWorker * pool.size} pairs of connections, one of each replaced ${replaced} times in all`;
    return { proof, brokenAt, healedAt: now() };
  },
};

/** Messages as large as they may be: the system's own buffers hold tens of megabytes for a reader that stopped. */
const LARGE = 60_000;
const LANES = 2;
const LARGE_EVERY_MS = 20;
/** Few, as each gets some 70 MB while it does not read. */
const READERS = 5;
/** For comparison, before there are any that stop. */
const READING_MS = 6000;
const STOPPED_MS = 12_000;
const KIB = 1024;
/** What a stopped reader may cost its edge. */
const READER_BYTES = 256 * KIB;
/** The memory of processes that pass such messages moves by tens of megabytes without any reader's doing. */
const NOISE_BYTES = 80 * KIB * KIB;

export const slowReaders: Fault = {
  name: 'slow-readers',
  proves:
    'Readers that stop for seconds, and for ever: they cost their edges bounded memory, the others do not notice, and ' +
    'those who read again have missed nothing.',
  quick: false,
  connectionsStay: true,
  recoversWithinMs: 10_000,
  inject: async (scene) => {
    const { installation, pool, laterTopics, now } = scene;
    const topic = laterTopics[0];
    if (topic === undefined) throw new Error('there are later topics');
    const each = Math.ceil(READERS / pool.size);
    const { controlUrls } = installation;
    const change = { what: 'subscribe', topic, controlUrls, retry: true } as const;
    await pool.all('change', { ...change, members: each });

    const readingFrom = now();
    await publishLarge(scene, topic, READING_MS);
    const readingTo = now();
    const [memory, left] = [await sumOf(scene, 'process_resident_memory_bytes'), await slowLeft(scene)];

    await pool.all('change', { ...change, members: 3 * each });
    await pool.all('pause', { from: each, count: each, forEver: false });
    await pool.all('pause', { from: 2 * each, count: each, forEver: true });
    const brokenAt = now();
    const broken: string[] = [];
    await publishLarge(scene, topic, STOPPED_MS);
    const stoppedTo = now();
    const stopped = 2 * each * pool.size;
    const leftMeanwhile = (await slowLeft(scene)) - left;
    const growth = (await sumOf(scene, 'process_resident_memory_bytes')) - memory;
    await pool.all('unpause', null);

    if (leftMeanwhile < stopped) broken.push(`only ${leftMeanwhile} of ${stopped} such readers left the live set`);
    const bound = NOISE_BYTES + stopped * READER_BYTES;
    if (growth > bound) broken.push(`edges grew by ${growth} bytes, promised are at most ${bound}`);
    return {
      proof: `${stopped} readers stopped, half of them for ever; edges grew by ${Math.round(growth / KIB / KIB)} MiB in all`,
      brokenAt,
      healedAt: now(),
      broken,
      latency: { usual: { from: readingFrom, to: readingTo }, meanwhile: { from: brokenAt, to: stoppedTo } },
    };
  },
};

async function publishLarge({ publisher, pass, now }: Scene, topic: string, ms: number): Promise<void> {
  const until = now() + ms;
  const lane = async () => {
    while (now() < until) await Promise.all([publisher.publish(topic, LARGE), pass(LARGE_EVERY_MS)]);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

function slowLeft(scene: Scene): Promise<number> {
  return sumOf(scene, 'slow_consumers_total');
}

async function sumOf({ installation }: Scene, metric: string): Promise<number> {
  const values = await Promise.all(installation.edges.map(({ url }) => readMetric(url, metric)));
  return values.reduce((sum, value) => sum + value, 0);
}
