import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HoldfastClient, connect } from './connect.ts';
import { ScriptedControl, json, refusal } from './testing/scripted-control.ts';
import { ScriptedEdge } from './testing/scripted-edge.ts';

const clientId = '3f0c8f5e-7a54-4c7e-9d8e-0c9f2d1f6a11';
const TOPICS = `/v1/clients/${clientId}/topics`;

let edge: ScriptedEdge;
let control: ScriptedControl;
let client: HoldfastClient | undefined;

beforeEach(async () => {
  edge = await ScriptedEdge.start();
  control = await ScriptedControl.start(edge.url);
});

afterEach(async () => {
  client?.close();
  await edge[Symbol.asyncDispose]();
  await control[Symbol.asyncDispose]();
});

function withTokens(): HoldfastClient {
  let tokens = 0;
  client = connect({ controlUrl: control.url, getToken: () => `token-${++tokens}` });
  return client;
}

function withId(controlUrl?: string): HoldfastClient {
  client = connect({ url: edge.url, clientId, controlUrl });
  return client;
}

describe('with tokens', () => {
  it('subscribes, unsubscribes and publishes once it is registered, by its token', async () => {
    const { subscribe, unsubscribe, publish } = boundTo(withTokens());
    await subscribe(['a', 'b']);
    await unsubscribe(['a']);
    await publish('a.b', { n: 1 }, { idempotencyKey: 'k' });
    expect(control.calls).toEqual([
      { call: 'POST /v1/clients', authorization: 'token-1', body: '' },
      { call: `POST ${TOPICS}`, authorization: 'token-1', body: '{"topics":["a","b"]}' },
      { call: `DELETE ${TOPICS}`, authorization: 'token-1', body: '{"topics":["a"]}' },
      { call: 'POST /v1/topics/a.b/messages', authorization: 'token-1', body: '{"n":1}' },
    ]);
  });

  it('renews once when the token is over, and repeats the call', async () => {
    const { publish } = boundTo(withTokens());
    control.next.push(control.register, refusal('token-expired'));
    await publish('a', 1);
    expect(control.calls.map(({ call, authorization }) => `${authorization} ${call}`)).toEqual([
      'token-1 POST /v1/clients',
      'token-1 POST /v1/topics/a/messages',
      'token-2 POST /v1/clients',
      'token-2 POST /v1/topics/a/messages',
    ]);
  });

  it('repeats it no second time, and does not repeat what is not permitted', async () => {
    const { publish } = boundTo(withTokens());
    control.next.push(control.register, refusal('token-expired'), control.register, refusal('token-expired'));
    await expect(publish('a', 1)).rejects.toMatchObject({ code: 'token-expired' });
    control.next.push(refusal('not-permitted'));
    await expect(publish('a', 1)).rejects.toMatchObject({ code: 'not-permitted', status: 403 });
    expect(control.calls).toHaveLength(5);
  });

  it('rejects when there will be no token', async () => {
    client = connect({ controlUrl: control.url, getToken: () => null });
    await expect(client.subscribe(['a'])).rejects.toMatchObject({ code: 'not-authorized' });
    await expect(client.subscribe(['a'])).rejects.toMatchObject({ code: 'closed' });
  });

  it('rejects with `closed` when it is closed while it registers, and sends nothing', async () => {
    client = connect({ controlUrl: control.url, getToken: () => new Promise(() => {}) });
    const subscribed = client.subscribe(['a']);
    queueMicrotask(() => client?.close());
    await expect(subscribed).rejects.toMatchObject({ code: 'closed' });
    expect(control.calls).toEqual([]);
  });

  it('sends nothing for a signal that was aborted', async () => {
    await expect(withTokens().subscribe(['a'], { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no');
    expect(control.calls.filter(({ call }) => call !== 'POST /v1/clients')).toEqual([]);
  });
});

describe('with a client id', () => {
  it('subscribes and unsubscribes by it', async () => {
    const { subscribe, unsubscribe } = boundTo(withId(control.url));
    control.next.push(json(202, { clientId, topics: ['a'], connected: true }));
    expect(await subscribe(['a'])).toEqual({ clientId, topics: ['a'], connected: true });
    await unsubscribe(['a']);
    expect(control.calls).toEqual([
      { call: `POST ${TOPICS}`, authorization: undefined, body: '{"topics":["a"]}' },
      { call: `DELETE ${TOPICS}`, authorization: undefined, body: '{"topics":["a"]}' },
    ]);
  });

  it('says what is missing', async () => {
    await expect(withId().subscribe(['a'])).rejects.toMatchObject({ code: 'no-control-url' });
    client?.close();
    await expect(withId(control.url).publish('a', 1)).rejects.toMatchObject({ code: 'no-token' });
    expect(control.calls).toEqual([]);
  });

  it('is closed as expired with 4401, or when control-api says so', async () => {
    withId();
    (await edge.peer(0)).close(4401, 'authorization expired');
    expect(await client?.closed).toMatchObject({ reason: 'expired', code: 4401 });
    control.next.push(refusal('token-expired'));
    withId(control.url);
    (await edge.peer(1)).cut();
    (await edge.peer(2)).cut();
    expect(await client?.closed).toMatchObject({ reason: 'expired', code: undefined });
  });
});

function boundTo(target: HoldfastClient): Pick<HoldfastClient, 'subscribe' | 'unsubscribe' | 'publish'> {
  return {
    subscribe: (...args) => target.subscribe(...args),
    unsubscribe: (...args) => target.unsubscribe(...args),
    publish: (...args) => target.publish(...args),
  };
}
