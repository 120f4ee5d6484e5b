import { EventEmitter } from 'node:events';
import pc from 'picocolors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { load } from './load.ts';
import { ScriptedInstallation } from '../testing/scripted-installation.ts';

const SMALL = ['--clients', '6', '--topics', '3', '--rate', '40', '--seconds', '1', '--key', 'a.b'];

let installation: ScriptedInstallation;
let printed: string;
let logged: string[];

beforeEach(async () => {
  // Every run listens to its workers; vitest runs several in one process.
  EventEmitter.defaultMaxListeners = 50;
  installation = await ScriptedInstallation.start();
  printed = '';
  logged = [];
});

afterEach(() => installation.stop());

function run(...args: string[]): Promise<number> {
  return load(args, {
    bounds: { descriptors: 20_000, cores: 2 },
    print: (text) => (printed += text),
    colors: pc.createColors(false),
    display: { log: (line) => logged.push(line), begin: () => {}, update: () => {}, end: () => {} },
    signal: new AbortController().signal,
  });
}

/** Publishes are answered, and delivered as `deliver` does. */
function publishing(deliver: (topic: string, id: string, text: string) => void): void {
  let count = 0;
  installation.answer = ({ method, path, body }) => {
    if (!path.startsWith('/v1/topics/')) return undefined;
    if (method !== 'POST') return { status: 200, body: {} };
    count += 1;
    const [topic, id] = [path.split('/')[3] ?? '', `${1000 + count}-0`];
    deliver(topic, id, JSON.stringify(body));
    return { status: 202, body: { topic, id } };
  };
}

const report = () => JSON.parse(printed) as Record<string, unknown>;

describe('the exit code is', () => {
  it('0 when everything arrived as it should, and the report says so', async () => {
    publishing((...message) => installation.send(...message));
    expect({ code: await run(...SMALL, '--control', installation.controlUrl), logged }).toEqual({
      code: 0,
      logged: [],
    });
    expect(printed).toMatch(/connected +6 in /);
    expect(printed).toMatch(/published +40 in /);
    expect(printed).toMatch(/deliveries +160 in .*, 160 expected/);
    expect(printed).toMatch(/latency +p50 .* ms, p90 .* ms, p99 .* ms, max .* ms/);
    expect(printed).toMatch(/edge memory +not known\n.*Redis memory +not known/);
    for (const kind of ['lost', 'duplicated', 'reordered', 'phantom']) {
      expect(printed).toMatch(new RegExp(`${kind} +0\n`));
    }
    expect(printed).toContain('Verified: every message, once each, in order.');
    expect(installation.clients.size).toBe(0);
  });

  it('1 when a client received something else, and the report says who and what', async () => {
    publishing((topic, id, text) => {
      const [odd, ...others] = installation.subscribers(topic);
      installation.send(topic, id, text, others);
      installation.send(topic, id, text.replace('xx', 'xy'), odd === undefined ? [] : [odd]);
    });
    expect(await run(...SMALL, '--control', installation.controlUrl, '--json')).toBe(1);
    expect(report()).toMatchObject({
      ok: false,
      faults: { lost: 0, duplicated: 0, reordered: 0, phantom: 40 },
      deliveries: { expected: 160, received: 160 },
    });
    expect((report()['samples'] as unknown[])[0]).toMatchObject({
      kind: 'phantom',
      topic: expect.stringMatching(/^load\./),
    });
    expect(installation.clients.size).toBe(0);
  });

  it('1 when something was not published', async () => {
    publishing(() => {});
    const { answer } = installation;
    installation.answer = (call) =>
      call.path.endsWith('/messages') ? { status: 413, body: { code: 'payload-too-large' } } : answer(call);
    expect(await run(...SMALL, '--control', installation.controlUrl, '--json')).toBe(1);
    expect(report()).toMatchObject({
      publishing: { published: 0, refused: { 'payload-too-large': 40 } },
      latencyMs: null,
    });
  });

  it('1 when a phase could not be done, and says why', async () => {
    publishing(() => {});
    const { answer } = installation;
    installation.answer = (call) =>
      call.method === 'POST' && call.path === '/v1/clients'
        ? { status: 409, body: { code: 'quota-reached', detail: 'the key has 5 of 5 clients' } }
        : answer(call);
    expect(await run(...SMALL, '--control', installation.controlUrl)).toBe(1);
    expect(logged).toEqual(['POST /v1/clients: 409 quota-reached (the key has 5 of 5 clients)']);
    expect(printed).toBe('');
  });

  it('2 for bad arguments, each of them named', async () => {
    expect(await run('--clients', 'no', '--topics', '0', '--key', 'a.b')).toBe(2);
    expect(logged.map((line) => line.split(':')[0])).toEqual(['--clients', '--topics', '--control']);
  });

  it('2 for more clients than the limit of descriptors allows', async () => {
    const { controlUrl } = installation;
    const code = await load(['--clients', '1000000', '--control', controlUrl, '--key', 'a.b'], {
      bounds: { descriptors: 1_024, cores: 2 },
      print: () => {},
      colors: pc.createColors(false),
      display: { log: (line) => logged.push(line), begin: () => {}, update: () => {}, end: () => {} },
      signal: new AbortController().signal,
    });
    expect({ code, logged }).toEqual({ code: 2, logged: [expect.stringMatching(/^--clients: .*descriptors/)] });
  });

  it('2 for a key that the installation refuses', async () => {
    installation.answer = () => ({ status: 403, body: { code: 'key-unknown', title: 'The API key is not known' } });
    expect(await run(...SMALL, '--control', installation.controlUrl)).toBe(2);
    expect(logged).toEqual(['--key: GET /v1/edges: 403 key-unknown (The API key is not known)']);
  });

  it('3 when nothing answers', async () => {
    expect(await run(...SMALL, '--control', 'http://127.0.0.1:1')).toBe(3);
    expect(logged).toEqual([expect.stringContaining('http://127.0.0.1:1/ does not answer')]);
  });
});
