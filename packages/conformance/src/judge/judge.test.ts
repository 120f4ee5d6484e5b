import { execPath } from 'node:process';
import { describe, expect, it } from 'vitest';
import { runScenarios } from '../run.ts';
import { readScenario } from '../scenario/load.ts';
import type { StepFailure } from './play.ts';

const ID = '3f0c8f5e-7a54-4c7e-9d8e-0c9f2d1f6a11';
const WELCOME = { type: 'welcome', connection: 'c1', heartbeatMs: 25_000, topics: {} };

/** What becomes of a driver that runs these lines of JavaScript, with `config` and `print` at hand. */
async function judge(steps: object[], lines: string): Promise<StepFailure | undefined> {
  const file = { promise: 'A test.', section: '2', level: 'MUST', profile: 'core', steps };
  const program = `
    import { connect as tcp } from 'node:net';
    const config = await new Promise((resolve) => process.stdin.once('data', (text) => resolve(JSON.parse(text))));
    const print = (event) => console.log(JSON.stringify(event));
    const url = config.urls[0] + '/v1/connect?client=' + config.clientId;
    ${lines}`;
  const [verdict] = await runScenarios({
    scenarios: [readScenario('test', JSON.stringify(file))],
    command: [execPath, '--input-type=module', '-e', program],
    patienceMs: 5000,
  });
  return verdict?.failure;
}

/** What becomes of a client that connects and sends this, given as JavaScript. */
function judgeFrame(frame: string, query = ''): Promise<StepFailure | undefined> {
  const steps = [{ accept: {} }, { receivePing: {} }];
  return judge(steps, `const ws = new WebSocket(url + '${query}'); ws.onopen = () => ws.send(${frame});`);
}

/** A resume frame, as JavaScript. */
function resume(positions: string, more = ''): string {
  return `'{"type":"resume","positions":${positions}${more}}'`;
}

/** A client that waits so long, given as JavaScript of its n-th wait, after each attempt. */
function tryingAfter(ms: string): string {
  return `let n = 0; const open = () => { new WebSocket(url).onerror = () => setTimeout(open, ${ms}); }; open();`;
}

describe('a scenario', () => {
  it.each([
    ['a frame of no type', `'{"type":"publish"}'`, 'a frame of section 3.2'],
    ['a field that is not known', `'{"type":"ping","id":1}'`, 'a frame of section 3.2'],
    ['no JSON', `'ping'`, 'a frame of section 3.2'],
    ['a binary message', 'new Uint8Array(4)', 'text messages'],
    ['more than 64 KiB', `' '.repeat(65536) + '{"type":"ping"}'`, 'frames of at most 64 KiB'],
    ['a resume without resume=1', `'{"type":"resume","positions":{}}'`, 'no resume on a connection without resume=1'],
  ])('is failed by %s, whatever its steps are', async (_name, frame, expected) => {
    expect(await judgeFrame(frame)).toMatchObject({ expected });
  });

  it('is failed by positions that are not in their one form, or of a topic twice', async () => {
    expect(await judgeFrame(resume('{"news":"01-0"}'), '&resume=1')).toMatchObject({
      expected: 'a frame of section 3.2',
    });
    const twice = `(ws.send(${resume('{"news":"1-0"}', ',"more":true')}), ${resume('{"news":"1-0"}')})`;
    expect(await judgeFrame(twice, '&resume=1')).toMatchObject({ expected: 'news in one resume frame only' });
  });

  it('is failed by what RFC 6455 does not allow', async () => {
    const lines = `
      const { port } = new URL(url);
      const socket = tcp(Number(port), '127.0.0.1');
      socket.write('GET /v1/connect?client=' + config.clientId + ' HTTP/1.1\\r\\nHost: a\\r\\nUpgrade: websocket\\r\\n' +
        'Connection: Upgrade\\r\\nSec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\\r\\n\\r\\n');
      socket.once('data', () => socket.write(new Uint8Array([0x81, 1, 65])));`;
    expect(await judge([{ accept: {} }, { receivePing: {} }], lines)).toMatchObject({
      expected: 'what RFC 6455 allows',
      seen: expect.stringContaining('MASK') as string,
    });
  });

  it.each([
    ['another path', `new WebSocket(config.urls[0] + '/connect?client=' + config.clientId)`, 'the path /v1/connect'],
    ['another client id', `new WebSocket(config.urls[0] + '/v1/connect?client=ann')`, `the client id ${ID}`],
    ['no client id', `new WebSocket(config.urls[0] + '/v1/connect')`, `the client id ${ID}`],
    ['a resume that is no flag', `new WebSocket(url + '&resume=yes')`, 'resume=0 or resume=1'],
    ['the id in the only subprotocol', `new WebSocket(url, ['holdfast.client.${ID}'])`, 'the subprotocol holdfast.v1'],
  ])('is failed by a handshake with %s', async (_name, lines, expected) => {
    const failure = await judge([{ accept: {} }], lines);
    expect(failure?.expected).toContain(expected);
  });

  it('takes the id in the query and in a subprotocol at once', async () => {
    expect(
      await judge([{ accept: {} }], `new WebSocket(url, ['holdfast.v1', 'holdfast.client.${ID}'])`),
    ).toBeUndefined();
  });

  it('is failed by a second connection beside an open one, and by an end that it does not ask for', async () => {
    const steps = [
      { accept: {} },
      { send: WELCOME },
      { sees: [{ event: 'lost', topic: 'a', after: '1-0', position: '2-0' }] },
    ];
    const twice = await judge(steps, `for (const each of [1, 2]) new WebSocket(url);`);
    expect(twice?.seen).toContain('beside the open connection');
    const ends = await judge(steps, `const ws = new WebSocket(url); ws.onmessage = () => ws.close(1000);`);
    expect(ends?.seen).toBe('that the client ended the connection (1000)');
  });

  it('is failed by an attempt after it has stopped, also when it gives the attempt up', async () => {
    const closed = `print({ event: 'closed', reason: 'closed' });`;
    const steps = [
      { refuse: { status: 400, code: 'invalid-request' } },
      { sees: [{ event: 'closed', reason: 'closed' }] },
      { noHandshakeFor: 1500 },
    ];
    const upgrade = `'GET /v1/connect?client=' + config.clientId + ' HTTP/1.1\\r\\nHost: a\\r\\nUpgrade: websocket\\r\\n' +
      'Connection: Upgrade\\r\\nSec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\\r\\n\\r\\n'`;
    const again = `setTimeout(() => { const socket = tcp(Number(new URL(url).port), '127.0.0.1'); socket.end(${upgrade}); }, 300);`;
    expect(await judge(steps, `new WebSocket(url).onerror = () => { ${closed} };`)).toBeUndefined();
    expect(await judge(steps, `new WebSocket(url).onerror = () => { ${closed} ${again} };`)).toMatchObject({
      action: 'noHandshakeFor',
      expected: 'no further handshake',
    });
    // Given up before it reports its end.
    const before = `new WebSocket(url).onerror = () => { ${again} setTimeout(() => { ${closed} }, 900); };`;
    expect(await judge(steps, before)).toMatchObject({
      action: 'sees',
      seen: expect.stringContaining('a handshake') as string,
    });
  });

  it('is failed by a delay that does not grow', async () => {
    const limits = { firstWithinMs: 1500, atLeast: 3, atMost: 6 };
    const steps = [{ refuseAll: { forMs: 3000, ...limits } }];
    expect(await judge(steps, tryingAfter('150 * 2 ** n++'))).toBeUndefined();
    // It ends with the seventh, which may take its time on a busy machine. The delay that grows comes to six in so long.
    const longer = [{ refuseAll: { forMs: 9000, ...limits } }];
    for (const constant of ['10', '200']) {
      expect((await judge(longer, tryingAfter(constant)))?.expected).toBe('at most 6 handshakes in 9000 ms');
    }
    expect((await judge(steps, tryingAfter('1700')))?.expected).toBe('the second handshake within 1500 ms');
    expect((await judge(steps, tryingAfter('400 * 9 ** n++')))?.expected).toBe('at least 3 handshakes in 3000 ms');
  });

  it('is failed by an event that no step takes', async () => {
    const event = `{ event: 'message', topic: 'news', id: '1-0', data: 1 }`;
    const steps = [{ accept: {} }, { send: WELCOME }, { sees: [{ event: 'closed', reason: 'closed' }] }];
    const left = await judge(
      steps,
      `new WebSocket(url).onmessage = () => (print(${event}), print({ event: 'closed', reason: 'closed' }));`,
    );
    expect(left).toMatchObject({ action: 'end', expected: 'that the application sees no more' });
  });
});
