import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Entry } from './checker.ts';
import { clientIdOf, newRun, topicNames } from './identity.ts';
import { monotonicMs } from '@holdfast/harness/clock';
import { digestOf, encodePayload } from './payload.ts';
import { ScriptedInstallation } from '../testing/scripted-installation.ts';
import { Worker } from './worker.ts';
import type { Findings } from './worker-protocol.ts';

const CLIENTS = 12;
const TOPICS = 4;
const WAIT = { timeout: 30_000 };

const run = newRun();
const names = topicNames(run, TOPICS);
const signal = new AbortController().signal;
let installation: ScriptedInstallation;
let worker: Worker;
let published: Entry[][];
let sent: number;

beforeEach(async () => {
  installation = await ScriptedInstallation.start();
  published = names.map(() => []);
  sent = 0;
  worker = new Worker({
    run,
    worker: 0,
    firstClient: 100,
    clients: CLIENTS,
    topics: TOPICS,
    topicsPerClient: 2,
    seed: 1,
    controlUrl: installation.controlUrl,
    key: 'a.b',
    callsAtOnce: 4,
    handshakesAtOnce: 3,
    presence: null,
  });
});

afterEach(async () => {
  await worker.cleanUp();
  installation.stop();
});

async function ready(): Promise<void> {
  await worker.register(signal);
  await worker.connect(signal);
}

/** A message that the run publishes, on topic 0 unless said otherwise. */
function publish(topic = 0): { topic: string; id: string; text: string } {
  sent += 1;
  const id = `${1000 + sent}-0`;
  const text = encodePayload({ run: run.id, n: sent, sentAt: monotonicMs() }, 150);
  published[topic]?.push({ id, digest: digestOf(text) });
  return { topic: names[topic] ?? '', id, text };
}

/** Publishes, and delivers to everybody as it should be. */
function deliver(topic = 0): void {
  const { topic: name, id, text } = publish(topic);
  installation.send(name, id, text);
}

async function findingsAfter(deliveries: number): Promise<Findings> {
  await vi.waitFor(() => expect(worker.progress().deliveries).toBe(deliveries), WAIT);
  return worker.verify(published);
}

const flawless = { lost: 0, duplicated: 0, reordered: 0, phantom: 0 };

describe('a worker', () => {
  it('registers its clients with their topics, connects all of them, and unregisters them again', async () => {
    await ready();
    expect(installation.clients.size).toBe(CLIENTS);
    expect([...installation.clients.keys()]).toContain(clientIdOf(run, 100));
    for (const topics of installation.clients.values()) expect(new Set(topics).size).toBe(2);
    expect(worker.progress()).toMatchObject({ registered: CLIENTS, connected: CLIENTS });
    await worker.cleanUp();
    expect(installation.clients.size).toBe(0);
    expect(worker.progress()).toMatchObject({ unregistered: CLIENTS });
  });

  it('finds nothing when everything arrives as it should', async () => {
    await ready();
    for (const topic of [0, 1, 2, 3, 0, 0, 1]) deliver(topic);
    const findings = await findingsAfter(7 * 6);
    expect(findings).toMatchObject({ faults: flawless, announced: 0, samples: [], givenUp: 0, reconnects: 0 });
    expect(findings.lastDeliveryAt).toBeGreaterThan(0);
  });

  it('finds a message that one client never received', async () => {
    await ready();
    deliver();
    const { topic, id, text } = publish();
    installation.send(topic, id, text, installation.subscribers(topic).slice(1));
    deliver();
    const { faults, samples } = await findingsAfter(17);
    expect(faults).toEqual({ ...flawless, lost: 1 });
    expect(samples).toEqual([{ kind: 'lost', client: expect.any(Number), topic, id }]);
    const clientIds = installation.subscribers(topic).map(({ clientId }) => clientId);
    expect(clientIds[0]).toBe(clientIdOf(run, samples[0]?.client ?? -1));
  });

  it('finds a message that one client received twice', async () => {
    await ready();
    const { topic, id, text } = publish();
    installation.send(topic, id, text);
    installation.send(topic, id, text, installation.subscribers(topic).slice(0, 1));
    expect((await findingsAfter(7)).faults).toEqual({ ...flawless, duplicated: 1 });
  });

  it('finds messages that one client received in another order', async () => {
    await ready();
    const [first, second] = [publish(), publish()];
    const [odd, ...others] = installation.subscribers(first.topic);
    for (const { topic, id, text } of [first, second]) installation.send(topic, id, text, others);
    for (const { topic, id, text } of [second, first])
      installation.send(topic, id, text, odd === undefined ? [] : [odd]);
    expect((await findingsAfter(12)).faults).toEqual({ ...flawless, reordered: 1 });
  });

  it('finds a message with a payload that was changed', async () => {
    await ready();
    const { topic, id, text } = publish();
    const [odd, ...others] = installation.subscribers(topic);
    installation.send(topic, id, text, others);
    installation.send(topic, id, text.replace('xx', 'xy'), odd === undefined ? [] : [odd]);
    expect((await findingsAfter(6)).faults).toEqual({ ...flawless, phantom: 1 });
  });

  it('finds a message that was not published', async () => {
    await ready();
    installation.send(names[0] ?? '', '5-0', '{"forged":true}');
    expect((await findingsAfter(6)).faults).toEqual({ ...flawless, phantom: 6 });
  });

  it('finds a message that reached a client of another topic', async () => {
    await ready();
    const { topic, id, text } = publish();
    installation.send(topic, id, text);
    const stranger = installation.connections
      .filter((one) => !installation.subscribers(topic).includes(one))
      .slice(0, 1);
    installation.send(topic, id, text, stranger);
    const { faults, samples } = await findingsAfter(7);
    expect(faults).toEqual({ ...flawless, phantom: 1 });
    expect(samples).toEqual([{ kind: 'phantom', client: expect.any(Number), topic, id }]);
  });

  it('finds a message on a topic that is none of the run', async () => {
    await ready();
    installation.send('somebody.elses', '5-0', '1', installation.connections.slice(0, 1));
    expect((await findingsAfter(1)).faults).toEqual({ ...flawless, phantom: 1 });
  });

  it('finds a frame that is none of the protocol', async () => {
    await ready();
    installation.connections[0]?.socket.send('{"type":"surprise"}');
    await vi.waitFor(() => expect(worker.verify(published).faults).toEqual({ ...flawless, phantom: 1 }), WAIT);
  });
});

describe('a worker whose connections are cut', () => {
  it('resumes from where each client was, and finds nothing when the rest follows', async () => {
    await ready();
    deliver();
    await findingsAfter(6);
    const { topic, id, text } = publish();
    for (const { socket } of installation.connections) socket.terminate();
    await vi.waitFor(() => {
      expect(installation.connections.filter(({ resume }) => resume).length).toBe(CLIENTS);
    }, WAIT);
    for (const { clientId, resume } of installation.connections) {
      for (const name of installation.clients.get(clientId) ?? []) {
        expect(resume?.[name]).toBe(name === topic ? '1001-0' : '0-0');
      }
    }
    installation.send(topic, id, text);
    expect(await findingsAfter(12)).toMatchObject({ faults: flawless, reconnects: CLIENTS, closes: { 1006: CLIENTS } });
  });

  it('finds what is lost, and what is sent again, over the connections of one client', async () => {
    await ready();
    deliver();
    deliver();
    await findingsAfter(12);
    const [victim] = installation.subscribers(names[0] ?? '');
    victim?.socket.close(1012, 'retry-after-ms=1');
    publish();
    await vi.waitFor(() => expect(installation.connections.filter(({ resume }) => resume).length).toBe(1), WAIT);
    const back = installation.connections.filter(({ resume }) => resume);
    const [, second] = published[0] ?? [];
    installation.send(names[0] ?? '', second?.id ?? '', '{"again":true}', back);
    const { faults } = await findingsAfter(13);
    // The third message never came to any of the six; the second came once more, with another payload.
    expect(faults).toEqual({ ...flawless, lost: 6, phantom: 1 });
  });

  it('counts apart what the edge announced as lost, in a frame or in the welcome', async () => {
    await ready();
    deliver();
    await findingsAfter(6);
    const missed = publish();
    const [first, second, ...others] = installation.subscribers(missed.topic);
    installation.send(missed.topic, missed.id, missed.text, others);
    first?.socket.send(JSON.stringify({ type: 'lost', topic: missed.topic, after: '1001-0', position: missed.id }));
    installation.recovered = { recovered: false, position: missed.id };
    second?.socket.terminate();
    await vi.waitFor(() => expect(installation.connections.some(({ resume }) => resume)).toBe(true), WAIT);
    await vi.waitFor(() => expect(worker.progress().connected).toBe(CLIENTS), WAIT);
    deliver();
    expect(await findingsAfter(16)).toMatchObject({ faults: flawless, announced: 2 });
  });

  it('does not come back after a code that says so', async () => {
    await ready();
    installation.connections[0]?.socket.close(4403);
    await vi.waitFor(() => expect(worker.verify(published)).toMatchObject({ givenUp: 1, closes: { 4403: 1 } }), WAIT);
    expect(worker.progress().connected).toBe(CLIENTS - 1);
  });
});

describe('a worker that is put off', () => {
  it('comes again after handshakes refused with 503 and 429', async () => {
    let refusals = 0;
    installation.refuse = () => {
      refusals += 1;
      return refusals <= 8 ? { status: refusals % 2 === 0 ? 503 : 429, retryAfter: '0' } : undefined;
    };
    await ready();
    expect(worker.progress().connected).toBe(CLIENTS);
    expect(worker.verify(published).refusals).toEqual({ 429: 4, 503: 4 });
  });

  it('gives up a client that the edge does not know', async () => {
    await worker.register(signal);
    let refusals = 0;
    installation.refuse = () => {
      refusals += 1;
      return refusals === 1 ? { status: 403, retryAfter: '0' } : undefined;
    };
    await worker.connect(signal);
    expect(worker.verify(published)).toMatchObject({ givenUp: 1, refusals: { 403: 1 } });
  });

  it('registers again what got no answer, and takes "exists already" for its success', async () => {
    let calls = 0;
    installation.answer = ({ method, path, body }) => {
      if (method !== 'POST' || path !== '/v1/clients') return undefined;
      calls += 1;
      if (calls > 2) return undefined;
      const { clientId, topics } = body as { clientId: string; topics: string[] };
      if (calls === 2) installation.clients.set(clientId, topics);
      return calls === 1 ? { status: 503, body: { code: 'redis-unavailable' } } : 'cut';
    };
    await worker.register(signal);
    expect(installation.clients.size).toBe(CLIENTS);
  });

  it('says why when a registration is refused', async () => {
    installation.answer = ({ path }) =>
      path === '/v1/clients' ? { status: 409, body: { code: 'quota-reached', detail: 'has 5 of 5' } } : undefined;
    await expect(worker.register(signal)).rejects.toThrow('POST /v1/clients: 409 quota-reached (has 5 of 5)');
  });
});
