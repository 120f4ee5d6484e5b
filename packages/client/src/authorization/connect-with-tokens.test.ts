import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type HoldfastClient, type TokenOptions, connect } from '../connect.ts';
import type { StateChange } from '../events.ts';
import { ScriptedControl, json, refusal } from '../testing/scripted-control.ts';
import { type Peer, ScriptedEdge, eventually } from '../testing/scripted-edge.ts';
import type { Registered } from './authorization.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
/** No pings while a test moves the time. */
const HEARTBEAT_MS = 24 * 60 * MINUTE;
const OTHER_ID = '7b1de9a2-2f0e-4a0b-8f6e-5d2f0c9a1b22';

let edge: ScriptedEdge;
let control: ScriptedControl;
let tokens: number;
const clients: HoldfastClient[] = [];

beforeEach(async () => {
  edge = await ScriptedEdge.start();
  control = await ScriptedControl.start(edge.url);
  tokens = 0;
  vi.spyOn(Math, 'random').mockReturnValue(0);
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  await edge[Symbol.asyncDispose]();
  await control[Symbol.asyncDispose]();
  vi.restoreAllMocks();
});

function fresh(): string {
  tokens += 1;
  return `token-${tokens}`;
}

/** Time stands still unless a test moves it. */
function stopTime(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const now = Date.now();
  vi.spyOn(Date, 'now').mockReturnValue(now);
}

function connected(options: Partial<TokenOptions> = {}): { client: HoldfastClient; states: StateChange[] } {
  const client = connect({ controlUrl: control.url, getToken: fresh, ...options });
  clients.push(client);
  const states: StateChange[] = [];
  client.on('state', (change) => states.push(change));
  return { client, states };
}

async function open(options: Partial<TokenOptions> = {}, expiresInMs?: number) {
  const { client, states } = connected(options);
  const peer = await edge.peer(0);
  peer.welcome({ news: { position: '1-0' }, '@me': { position: '1-0' } }, HEARTBEAT_MS, expiresInMs);
  await eventually(() => client.state === 'open');
  return { client, states, peer };
}

/** The renewal of that number has been answered; the registration is 1. */
async function registeredTimes(client: HoldfastClient, number: number): Promise<Registered[]> {
  const all: Registered[] = [];
  const stop = client.on('registered', (event) => all.push(event));
  await eventually(() => control.tokens.length >= number);
  await eventually(() => all.length > 0 || undefined);
  stop();
  return all;
}

async function nextAfter(peer: Peer, act: () => void): Promise<Peer> {
  const number = edge.peers.indexOf(peer) + 1;
  act();
  return edge.peer(number);
}

describe('connecting with a token', () => {
  it('registers with it, and connects as the client that it is given', async () => {
    const { client, states } = connected({ credential: 'subprotocol' });
    const registered: Registered[] = [];
    client.on('registered', (event) => registered.push(event));
    const peer = await edge.peer(0);
    expect(control.calls).toEqual([{ call: 'POST /v1/clients', authorization: 'token-1', body: '' }]);
    expect(peer.offered).toEqual(['holdfast.v1', `holdfast.client.${control.clientId}`]);
    expect(registered).toMatchObject([{ clientId: control.clientId, name: 'ann', topics: [], isNew: true }]);
    peer.welcome();
    await eventually(() => client.state === 'open');
    expect(states.map(({ state }) => state)).toEqual(['connecting', 'open']);
  });

  it('is over for good when getToken gives null', async () => {
    const { client } = connected({ getToken: () => null });
    expect(await client.closed).toMatchObject({ reason: 'not-authorized', detail: 'getToken gave null' });
    expect(control.calls).toEqual([]);
  });

  it.each([
    ['throws', () => Promise.reject(new Error('the backend is away'))],
    ['throws at once', () => { throw new Error('the backend is away'); }], // prettier-ignore
    ['gives something else', () => undefined as never],
  ])('waits and asks again when getToken %s', async (_, first) => {
    let calls = 0;
    const { client, states } = connected({ getToken: () => (++calls <= 2 ? first() : fresh()) });
    await edge.peer(0);
    expect(states.map((change) => change.state)).toEqual(['waiting', 'waiting', 'connecting']);
    expect(states[1]).toMatchObject({ failures: 2, why: expect.stringMatching(/away|neither/) });
    expect(client.state).toBe('connecting');
  });

  it('gives up a getToken that does not answer, and asks again', async () => {
    stopTime();
    const signals: AbortSignal[] = [];
    const getToken = ({ signal }: { signal: AbortSignal }): Promise<string> | string =>
      signals.push(signal) === 1 ? new Promise<string>(() => {}) : fresh();
    const { client } = connected({ getToken });
    await eventually(() => signals.length === 1);
    vi.advanceTimersByTime(30 * SECOND);
    await eventually(() => client.state === 'waiting');
    expect(signals[0]?.aborted).toBe(true);
    vi.advanceTimersByTime(0);
    await edge.peer(0);
  });

  it.each(['not-permitted', 'name-taken'] as const)(
    'is over for good when a fresh token is refused as %s',
    async (code) => {
      control.next.push(refusal(code, 'claim "aud" is not holdfast'));
      const { client } = connected();
      const detail = 'claim "aud" is not holdfast';
      expect(await client.closed).toEqual({ reason: 'not-authorized', code: undefined, detail });
      expect(control.tokens).toEqual(['token-1']);
    },
  );

  const tooEarly = [['token-revoked', SECOND] as const, ['token-invalid', 30 * SECOND] as const];

  it.each(tooEarly)(
    'waits when a fresh token is refused as %s, and asks once more after %i ms',
    async (code, waitMs) => {
      stopTime();
      control.next.push(refusal(code));
      const { client, states } = connected();
      await eventually(() => client.state === 'waiting');
      expect(states).toMatchObject([{ state: 'waiting', delayMs: waitMs, why: `why ${code}` }]);
      vi.advanceTimersByTime(waitMs - 1);
      await new Promise((resolve) => setImmediate(resolve));
      expect(tokens).toBe(1);
      vi.advanceTimersByTime(1);
      await edge.peer(0);
      expect(control.tokens).toEqual(['token-1', 'token-2']);
    },
  );

  it.each(tooEarly)('is over for good when the token after %s is refused as well', async (code, waitMs) => {
    stopTime();
    control.next.push(refusal(code), refusal(code, 'claim "aud" is not holdfast'));
    const { client } = connected();
    await eventually(() => client.state === 'waiting');
    vi.advanceTimersByTime(waitMs);
    const detail = 'claim "aud" is not holdfast';
    expect(await client.closed).toEqual({ reason: 'not-authorized', code: undefined, detail });
    expect(control.tokens).toEqual(['token-1', 'token-2']);
  });

  it('asks once more when the token was over, then no more', async () => {
    control.next.push(refusal('token-expired'));
    const first = connected();
    await edge.peer(0);
    expect(control.tokens).toEqual(['token-1', 'token-2']);
    first.client.close();
    control.next.push(refusal('token-expired'), refusal('token-expired', 'exp is over'));
    const { client } = connected();
    expect(await client.closed).toMatchObject({ reason: 'not-authorized', detail: 'exp is over' });
    expect(control.tokens).toHaveLength(4);
  });

  it.each([
    'topic-not-found',
    'quota-reached',
    'history-quota-reached',
    'redis-unavailable',
    'too-many-calls',
  ] as const)('goes on after %s, which may pass', async (code) => {
    control.next.push(refusal(code));
    const { states } = connected();
    await edge.peer(0);
    expect(states[0]).toMatchObject({ state: 'waiting', why: `why ${code}` });
    expect(control.tokens).toEqual(['token-1', 'token-2']);
  });

  it('waits while no edge is alive', async () => {
    control.urls = [];
    const { states } = connected();
    await eventually(() => states.length > 0);
    expect(states[0]).toMatchObject({ state: 'waiting', why: 'no edge is alive' });
    control.urls = [edge.url];
    await edge.peer(0);
  });

  it('does nothing after a close during getToken', async () => {
    const token = Promise.withResolvers<string>();
    let asked: AbortSignal | undefined;
    const { client } = connected({
      getToken: ({ signal }) => {
        asked = signal;
        return token.promise;
      },
    });
    await eventually(() => asked);
    client.close();
    expect(asked?.aborted).toBe(true);
    token.resolve('late');
    expect(await client.closed).toMatchObject({ reason: 'closed' });
    await new Promise((resolve) => setImmediate(resolve));
    expect([control.calls, edge.peers]).toEqual([[], []]);
  });

  it('does nothing after a close during the registration', async () => {
    const asked = Promise.withResolvers<() => void>();
    control.next.push((response, call) => asked.resolve(() => control.register(response, call)));
    const { client } = connected();
    const registered: unknown[] = [];
    client.on('registered', (event) => registered.push(event));
    const answer = await asked.promise;
    client.close();
    answer();
    await new Promise((resolve) => setImmediate(resolve));
    expect([registered, edge.peers]).toEqual([[], []]);
  });

  it('takes no notice of an answer that comes after a close to a fetch that knows no signal', async () => {
    const answer = Promise.withResolvers<Response>();
    let isAsked = false;
    const fetch = (): Promise<Response> => {
      isAsked = true;
      return answer.promise;
    };
    const { client } = connected({ fetch });
    const registered: unknown[] = [];
    client.on('registered', (event) => registered.push(event));
    await eventually(() => isAsked);
    client.close();
    const { clientId, urls } = control;
    answer.resolve(Response.json({ clientId, name: null, topics: [], connect: { url: null, urls } }));
    await new Promise((resolve) => setImmediate(resolve));
    expect([registered, edge.peers]).toEqual([[], []]);
  });

  it('refuses a control URL that is none', () => {
    expect(() => connected({ controlUrl: 'nowhere' })).toThrow(TypeError);
  });
});

describe('a renewal', () => {
  it('comes before the end, without a reconnect', async () => {
    stopTime();
    const { client, peer } = await open();
    // A tenth of an hour before its end.
    vi.advanceTimersByTime(54 * MINUTE - 2 * SECOND);
    expect(tokens).toBe(1);
    vi.advanceTimersByTime(3 * SECOND);
    const [renewed] = await registeredTimes(client, 2);
    expect(renewed).toMatchObject({ clientId: control.clientId, isNew: false });
    expect(control.tokens).toEqual(['token-1', 'token-2']);
    expect([peer.isClosed, edge.peers.length, client.state]).toEqual([false, 1, 'open']);
    vi.advanceTimersByTime(55 * MINUTE);
    await eventually(() => tokens === 3);
  });

  it('comes 30 s before the end of a short life, and earlier by as much as half of that', async () => {
    stopTime();
    vi.spyOn(Math, 'random').mockReturnValue(1);
    control.lifeMs = 2 * MINUTE;
    await open();
    vi.advanceTimersByTime(2 * MINUTE - 48 * SECOND);
    expect(tokens).toBe(1);
    vi.advanceTimersByTime(4 * SECOND);
    await eventually(() => tokens === 2);
  });

  it('does not depend on the clock of the device', async () => {
    stopTime();
    control.date = new Date(Date.now() + 3 * 60 * MINUTE);
    await open();
    vi.advanceTimersByTime(53 * MINUTE);
    expect(tokens).toBe(1);
    vi.advanceTimersByTime(2 * MINUTE);
    await eventually(() => tokens === 2);
  });

  it('goes by what the edge says when that is less', async () => {
    stopTime();
    await open({}, 10 * MINUTE);
    vi.advanceTimersByTime(10 * MINUTE - MINUTE - SECOND);
    expect(tokens).toBe(1);
    vi.advanceTimersByTime(2 * SECOND);
    await eventually(() => tokens === 2);
  });

  it('comes with the warning of the edge at the latest', async () => {
    stopTime();
    const { client, peer } = await open();
    const warnings: unknown[] = [];
    client.on('expiring', (frame) => warnings.push(frame));
    vi.advanceTimersByTime(MINUTE);
    peer.send({ type: 'expiring', inMs: 30_000 });
    await eventually(() => control.tokens.length === 2);
    expect(warnings).toEqual([{ type: 'expiring', inMs: 30_000 }]);
    expect(edge.peers).toHaveLength(1);
  });

  it('does not come while there is no connection: the next one asks first', async () => {
    stopTime();
    control.lifeMs = 12 * SECOND;
    const { client } = connected();
    await edge.peer(0);
    // The edge does not answer; half of the life is over.
    vi.advanceTimersByTime(9 * SECOND);
    await new Promise((resolve) => setImmediate(resolve));
    expect([tokens, client.state]).toEqual([1, 'connecting']);
  });

  it('is never made more often than every 5 s, however short tokens live', async () => {
    stopTime();
    control.lifeMs = 2 * SECOND;
    const { client, peer } = await open();
    peer.send({ type: 'expiring', inMs: 1000 });
    let warned = 0;
    client.on('expiring', () => warned++);
    await eventually(() => warned === 1);
    vi.advanceTimersByTime(4900);
    expect(tokens).toBe(1);
    vi.advanceTimersByTime(200);
    await eventually(() => tokens === 2);
  });

  it('is repeated with back-off while it fails, and the connection stays', async () => {
    stopTime();
    const { client, peer } = await open();
    control.next.push(refusal('redis-unavailable'), refusal('redis-unavailable'));
    vi.advanceTimersByTime(54 * MINUTE);
    for (const number of [2, 3, 4]) {
      await eventually(() => {
        vi.advanceTimersByTime(control.tokens.length < number ? SECOND : 0);
        return control.tokens.length === number;
      });
    }
    expect([peer.isClosed, client.state]).toEqual([false, 'open']);
  });

  it.each<[string, () => string | null, 'not-permitted' | undefined]>([
    ['null from getToken', () => null, undefined],
    ['a token that may less', fresh, 'not-permitted'],
  ])('ends the client for good with %s', async (_, later, code) => {
    stopTime();
    let calls = 0;
    const { client, peer } = await open({ getToken: () => (++calls === 1 ? fresh() : later()) });
    if (code !== undefined) control.next.push(refusal(code));
    vi.advanceTimersByTime(MINUTE);
    peer.send({ type: 'expiring', inMs: 30_000 });
    expect(await client.closed).toMatchObject({ reason: 'not-authorized' });
    expect(await eventually(() => peer.isClosed)).toBe(true);
  });

  it.each([
    ['token-revoked', SECOND],
    ['token-invalid', 30 * SECOND],
  ] as const)(
    'that is refused as %s is tried once more after %i ms, and the connection stays',
    async (code, waitMs) => {
      stopTime();
      const { client, peer } = await open();
      control.next.push(refusal(code));
      vi.advanceTimersByTime(MINUTE);
      peer.send({ type: 'expiring', inMs: 60_000 });
      await eventually(() => control.tokens.length === 2);
      // Its answer comes after that of the renewal.
      await client.publish('a', 1);
      vi.advanceTimersByTime(waitMs - 1);
      await new Promise((resolve) => setImmediate(resolve));
      expect(tokens).toBe(2);
      vi.advanceTimersByTime(1);
      await registeredTimes(client, 3);
      // So is the next one that is refused.
      control.next.push(refusal(code));
      vi.advanceTimersByTime(MINUTE);
      peer.send({ type: 'expiring', inMs: 60_000 });
      await eventually(() => control.tokens.length === 4);
      await client.publish('a', 1);
      vi.advanceTimersByTime(waitMs);
      await registeredTimes(client, 5);
      expect([peer.isClosed, edge.peers.length, client.state]).toEqual([false, 1, 'open']);
    },
  );

  it('is one, whoever asks for it', async () => {
    stopTime();
    const asked: ((token: string) => void)[] = [];
    let calls = 0;
    const getToken = (): Promise<string> | string =>
      ++calls === 1 ? fresh() : new Promise((resolve) => asked.push(resolve));
    const { client, peer } = await open({ getToken });
    vi.advanceTimersByTime(MINUTE);
    peer.send({ type: 'expiring', inMs: 0 });
    await eventually(() => asked.length === 1);
    const published = Promise.all([client.publish('a', 1), client.publish('b', 2)]);
    peer.close(4401, 'authorization expired');
    await eventually(() => client.state === 'waiting');
    vi.advanceTimersByTime(0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(asked).toHaveLength(1);
    asked[0]?.('the-one');
    await published;
    await edge.peer(1);
    expect(control.tokens).toEqual(['token-1', 'the-one']);
    expect(control.calls.slice(2).map(({ authorization }) => authorization)).toEqual(['the-one', 'the-one']);
  });
});

describe('a reconnect', () => {
  it('does without a token while the present one lasts', async () => {
    const { peer } = await open();
    await nextAfter(peer, () => peer.cut());
    expect(tokens).toBe(1);
  });

  it('gets a new token first when the present one ends within 30 s', async () => {
    stopTime();
    control.lifeMs = 20 * SECOND;
    const { peer, client, states } = await open();
    peer.cut();
    await eventually(() => client.state === 'waiting');
    vi.advanceTimersByTime(0);
    await edge.peer(1);
    expect(control.tokens).toEqual(['token-1', 'token-2']);
    expect(states.map(({ state }) => state)).toEqual(['connecting', 'open', 'waiting', 'connecting']);
  });

  it('gets a new token after the machine slept, though its timers did not see that', async () => {
    const { peer } = await open();
    const now = Date.now() + 60 * MINUTE;
    vi.spyOn(Date, 'now').mockReturnValue(now);
    await nextAfter(peer, () => peer.cut());
    expect(control.tokens).toEqual(['token-1', 'token-2']);
  });

  it('after 4401 gets a new token, registers and resumes', async () => {
    const { peer } = await open();
    const next = await nextAfter(peer, () => peer.close(4401, 'authorization expired'));
    expect(control.tokens).toEqual(['token-1', 'token-2']);
    await eventually(() => next.received.length > 0);
    expect(next.received).toEqual([{ type: 'resume', positions: { '@me': '1-0', news: '1-0' } }]);
  });

  it('after 4401 waits a second when the next token is of the second of the revocation, and no call uses up one', async () => {
    stopTime();
    const { peer, client, states } = await open();
    control.next.push(refusal('token-revoked'));
    peer.close(4401, 'authorization revoked');
    await eventually(() => client.state === 'waiting');
    vi.advanceTimersByTime(0);
    await eventually(() => states.length === 4);
    expect(states[3]).toMatchObject({ state: 'waiting', delayMs: SECOND });
    await expect(client.publish('a', 1)).rejects.toMatchObject({ code: 'token-revoked' });
    expect(tokens).toBe(2);
    vi.advanceTimersByTime(SECOND);
    await edge.peer(1);
    expect(control.tokens).toEqual(['token-1', 'token-2', 'token-3']);
  });

  it('after 4401 ends for good when there is no token any more', async () => {
    let calls = 0;
    const { peer, client } = await open({ getToken: () => (++calls === 1 ? fresh() : null) });
    peer.close(4401, 'authorization expired');
    expect(await client.closed).toMatchObject({ reason: 'not-authorized' });
    expect(edge.peers).toHaveLength(1);
  });

  it.each([
    ['was closed as unregistered', (peer: Peer) => Promise.resolve(peer.close(4410, 'unregistered'))],
    [
      'is not known to control-api',
      async (peer: Peer) => {
        control.next.push(refusal('client-not-found'));
        peer.cut();
        await eventually(() => {
          for (const each of edge.peers) if (each.url.searchParams.get('client') !== OTHER_ID) each.cut();
          return control.tokens.length === 2;
        });
      },
    ],
  ])('of a client that %s registers again, and its inbox begins anew', async (_, forget) => {
    const { peer, client } = await open();
    const ids: string[] = [];
    client.on('registered', ({ clientId, isNew }) => ids.push(`${clientId} ${isNew}`));
    control.clientId = OTHER_ID;
    await forget(peer);
    const next = await eventually(() => edge.peers.find(({ url }) => url.searchParams.get('client') === OTHER_ID));
    expect(ids).toEqual([`${OTHER_ID} true`]);
    await eventually(() => next.received.length > 0);
    expect(next.received).toEqual([{ type: 'resume', positions: { news: '1-0' } }]);
  });

  it('follows a renewal that gave another client', async () => {
    stopTime();
    const { peer, client } = await open();
    control.clientId = OTHER_ID;
    vi.advanceTimersByTime(MINUTE);
    peer.send({ type: 'expiring', inMs: 30_000 });
    const next = await edge.peer(1);
    expect(next.url.searchParams.get('client')).toBe(OTHER_ID);
    next.welcome({ news: { position: '1-0' } });
    await eventually(() => client.state === 'open');
    expect(await eventually(() => peer.isClosed)).toBe(true);
    expect(edge.peers).toHaveLength(2);
  });
});

describe('after sleep', () => {
  class Page extends EventTarget {
    visibilityState = 'visible';
  }

  it.each(['online', 'visible'] as const)('a page that is %s again renews first', async (event) => {
    const page = new Page();
    vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
    vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
    vi.stubGlobal('document', page);
    const { peer } = await open();
    const now = Date.now() + 58 * MINUTE;
    vi.spyOn(Date, 'now').mockReturnValue(now);
    page.dispatchEvent(new Event(event === 'online' ? 'online' : 'visibilitychange'));
    await eventually(() => control.tokens.length === 2);
    expect(peer.isClosed).toBe(false);
  });

  it('a timer that was late finds out within half a minute', async () => {
    stopTime();
    await open();
    const now = Date.now() + 58 * MINUTE;
    vi.spyOn(Date, 'now').mockReturnValue(now);
    expect(tokens).toBe(1);
    vi.advanceTimersByTime(30 * SECOND);
    await eventually(() => tokens === 2);
  });

  it('a page that comes back while a token is asked for connects once', async () => {
    stopTime();
    const page = new Page();
    vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
    vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
    vi.stubGlobal('document', page);
    const asked: ((token: string) => void)[] = [];
    let calls = 0;
    const getToken = (): Promise<string> | string =>
      ++calls === 1 ? fresh() : new Promise((resolve) => asked.push(resolve));
    const { peer, client } = await open({ getToken });
    peer.close(4401);
    await eventually(() => client.state === 'waiting');
    vi.advanceTimersByTime(0);
    await eventually(() => asked.length === 1);
    page.dispatchEvent(new Event('visibilitychange'));
    vi.advanceTimersByTime(0);
    asked[0]?.('back');
    await edge.peer(1);
    vi.advanceTimersByTime(0);
    await new Promise((resolve) => setImmediate(resolve));
    expect([asked.length, edge.peers.length]).toEqual([1, 2]);
  });
});

it('a page that comes back while no token is to be had waits once more, not twice', async () => {
  stopTime();
  const page = new EventTarget();
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
  vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
  const asked: ((error: Error) => void)[] = [];
  let calls = 0;
  const getToken = (): Promise<string> | string =>
    ++calls === 1 ? fresh() : new Promise((_, reject) => asked.push(reject));
  const { peer, client, states } = await open({ getToken });
  peer.close(4401);
  await eventually(() => client.state === 'waiting');
  vi.advanceTimersByTime(0);
  await eventually(() => asked.length === 1);
  page.dispatchEvent(new Event('pageshow'));
  vi.advanceTimersByTime(0);
  asked[0]?.(new Error('away'));
  await eventually(() => states.length > 3);
  await new Promise((resolve) => setImmediate(resolve));
  expect(states.map(({ state }) => state)).toEqual(['connecting', 'open', 'waiting', 'waiting']);
});

it('a closed client leaves no timer behind', async () => {
  stopTime();
  // The platform's has timers of its own.
  const { clientId, urls } = control;
  const expiresAt = new Date(Date.now() + 60 * MINUTE);
  const answer = { clientId, name: null, topics: [], connect: { url: null, urls }, expiresAt };
  const fetch = (): Promise<Response> => Promise.resolve(Response.json(answer));
  const { client } = await open({ fetch });
  expect(vi.getTimerCount()).toBeGreaterThan(0);
  client.close();
  expect(await eventually(() => vi.getTimerCount() === 0)).toBe(true);
});

it('an answer that is none of Holdfast is waited out', async () => {
  control.next.push(json(502, { error: 'proxy' }));
  const { states } = connected();
  await edge.peer(0);
  expect(states[0]).toMatchObject({ state: 'waiting' });
});
