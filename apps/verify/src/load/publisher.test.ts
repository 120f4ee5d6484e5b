import { afterEach, beforeEach, expect, it } from 'vitest';
import { published } from './checker.ts';
import { ControlApi } from '@holdfast/harness/control-api';
import { Publications } from './publications.ts';
import { publishAtRate } from './publisher.ts';
import { type Answer, ScriptedInstallation } from '../testing/scripted-installation.ts';

const TOPICS = ['load.1.0', 'load.1.1'];
const RUN = '1';

let installation: ScriptedInstallation;
let control: ControlApi;
let publications: Publications;
let log: { topic: string; id: string; data: unknown }[];

beforeEach(async () => {
  installation = await ScriptedInstallation.start();
  control = new ControlApi(installation.controlUrl, 'a.b', 8);
  publications = new Publications(TOPICS.length);
  log = [];
  publishAnswered(() => undefined);
});

afterEach(() => {
  control.close();
  installation.stop();
});

/**
 * Publishing with a log behind it, in pages of the size asked for; `instead` may answer the n-th publish in another
 * way, before or after it is in the log.
 */
function publishAnswered(instead: (n: number) => { isLogged: boolean; answer: Answer | 'cut' } | undefined): void {
  installation.answer = ({ method, path, body }) => {
    const url = new URL(path, installation.controlUrl);
    const topic = /^\/v1\/topics\/(.+)\/messages$/.exec(url.pathname)?.[1] ?? '';
    if (method === 'GET' && topic !== '') {
      const after = url.searchParams.get('after') ?? '';
      const entries = log.filter((one) => one.topic === topic);
      const from = entries.findIndex(({ id }) => id === after) + 1;
      const messages = entries.slice(from, from + Number(url.searchParams.get('limit')));
      const more = entries.length > from + messages.length ? { more: true } : {};
      return { status: 200, body: { messages, complete: true, ...more } };
    }
    if (method !== 'POST') return undefined;
    const other = instead((body as { n: number }).n);
    const id = `${1000 + log.length}-0`;
    if (other?.isLogged !== false) log.push({ topic, id, data: body });
    return other?.answer ?? { status: 202, body: { topic, id } };
  };
}

function publish(rate: number, seconds: number, signal = new AbortController().signal): Promise<number> {
  let draws = 0;
  const random = () => (draws += 0.5) % 1;
  return publishAtRate({
    control,
    publications,
    topicNames: TOPICS,
    run: RUN,
    rate,
    seconds,
    size: 120,
    random,
    signal,
    onAnswer: () => {},
  });
}

const loggedIds = (topic: string) => log.filter((one) => one.topic === topic).map(({ id }) => id);
const bookedIds = () => publications.published().map((entries) => published(entries).entries.map(({ id }) => id));

it('publishes as many messages as the rate asks for, and books the id of each', async () => {
  const ms = await publish(100, 0.5);
  expect(log.length).toBe(50);
  expect(ms).toBeGreaterThan(400);
  expect(bookedIds()).toEqual(TOPICS.map(loggedIds));
  expect(publications.deliveries([10, 1])).toBe(25 * 10 + 25);
  expect(publications.doubtfulCount).toBe(0);
});

it('finds in the log what was published although no answer came, and only that', async () => {
  publishAnswered((n) => {
    if (n % 5 === 1) return { isLogged: true, answer: 'cut' };
    if (n % 5 === 2) return { isLogged: false, answer: 'cut' };
    if (n % 5 === 3) return { isLogged: true, answer: { status: 503, body: { code: 'redis-unavailable' } } };
    return undefined;
  });
  await publish(200, 0.2);
  expect(publications.doubtfulCount).toBe(24);
  await publications.settle(control, TOPICS, RUN);
  expect(bookedIds()).toEqual(TOPICS.map(loggedIds));
  expect(publications.settled).toBe(16);
  expect(publications.doubtfulCount).toBe(0);
  expect(Object.fromEntries(publications.refused)).toEqual({ unreachable: 8 });
});

it('settles what lies beyond the first page of a log', async () => {
  log = Array.from({ length: 2_500 }, (_, n) => ({
    topic: 'load.1.0',
    id: `${1 + n}-0`,
    data: { run: RUN, n, sentAt: 1 },
  }));
  publications.doubt(0, { n: 2_400, digest: 'digest', code: 'unreachable' });
  await publications.settle(control, TOPICS, RUN);
  expect(publications.published()[0]).toEqual([{ id: '2401-0', digest: 'digest' }]);
});

it('books refusals by their code, as not published', async () => {
  publishAnswered(() => ({ isLogged: false, answer: { status: 413, body: { code: 'payload-too-large' } } }));
  await publish(100, 0.1);
  expect(Object.fromEntries(publications.refused)).toEqual({ 'payload-too-large': 10 });
  expect(publications.doubtfulCount).toBe(0);
  expect(bookedIds()).toEqual([[], []]);
});

it('stops when it is interrupted', async () => {
  const interruption = new AbortController();
  const publishing = publish(100, 1000, interruption.signal);
  interruption.abort();
  await expect(publishing).rejects.toThrow('aborted');
});
