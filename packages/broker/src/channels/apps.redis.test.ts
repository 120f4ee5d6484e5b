import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { KnownApp } from '../broker.ts';
import { controlBroker } from '../redis-broker.ts';
import { openBroker } from '../testing/brokers.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

function someApp(fields: Partial<KnownApp> = {}): KnownApp {
  return {
    apiKey: 'mobile',
    appId: randomUUID(),
    key: randomUUID(),
    secret: `"s\\{}é${randomUUID()}`,
    clientEvents: true,
    subscriptionCount: false,
    maxEventBytes: 10_240,
    maxPresenceMembers: 100,
    ...fields,
  };
}

/** Two control-apis and an edge of an installation of their own. */
async function installation() {
  const { redis, keys, control, edge, prefix } = await openBroker();
  return {
    redis,
    keys,
    edge,
    one: control,
    other: controlBroker(redis, prefix),
    /** As if the app was written so long ago. */
    age: async ({ key }: KnownApp, ms: number) => {
      const { at, ...app } = JSON.parse((await redis.hget(keys.apps(), key)) ?? '') as KnownApp & { at: number };
      await redis.hset(keys.apps(), key, JSON.stringify({ at: at - ms, ...app }));
    },
  };
}

describe('an app', () => {
  test('is known to edges as control-api wrote it', async () => {
    const { one, edge } = await installation();
    const [first, second] = [someApp(), someApp({ clientEvents: false })];
    await one.writeApps([first, second], []);
    expect(await edge.readApp(first.key)).toEqual(first);
    expect(await edge.readApp(second.key)).toEqual(second);
    const changed = { ...first, secret: 'other', previousSecret: first.secret };
    await one.writeApps([changed, second], []);
    expect(await edge.readApp(first.key)).toEqual(changed);
  });

  test('that is not there is unknown while control-api has written any, and else there are none', async () => {
    const { one, edge } = await installation();
    expect(await edge.readApp('no-app')).toBe('none');
    await one.writeApps([someApp()], []);
    expect(await edge.readApp('no-app')).toBe('unknown');
    // Whatever a client asks for.
    for (const key of ['@', '', '__proto__', 'x'.repeat(1000)]) expect(await edge.readApp(key)).toBe('unknown');
  });

  test('leaves nothing in Redis where there never was one', async () => {
    const { one, edge, redis, keys } = await installation();
    await one.writeApps([], []);
    await one.writeApps([], ['never-there']);
    expect(await redis.exists(keys.apps())).toBe(0);
    expect(await edge.readApp('no-app')).toBe('none');
  });

  test('of one file is known beside those of another, until no control-api has written it for a minute', async () => {
    const { one, other, edge, age } = await installation();
    const [mine, shared, theirs] = [someApp(), someApp(), someApp()];
    await one.writeApps([mine, shared], []);
    await other.writeApps([shared, theirs], []);
    for (const app of [mine, shared, theirs]) expect(await edge.readApp(app.key)).toEqual(app);
    await age(mine, MINUTE_MS - 10_000);
    await other.writeApps([shared, theirs], []);
    expect(await edge.readApp(mine.key)).toEqual(mine);
    for (const app of [mine, shared, theirs]) await age(app, MINUTE_MS + 1000);
    await other.writeApps([shared, theirs], []);
    expect(await edge.readApp(mine.key)).toBe('unknown');
    expect(await edge.readApp(shared.key)).toEqual(shared);
    await one.writeApps([mine, shared], []);
    expect(await edge.readApp(mine.key)).toEqual(mine);
  });

  test('stays while no control-api runs', async () => {
    const { one, edge, age, redis, keys } = await installation();
    const app = someApp();
    await one.writeApps([app], []);
    await age(app, DAY_MS);
    expect(await edge.readApp(app.key)).toEqual(app);
    expect(await redis.pttl(keys.apps())).toBe(-1);
  });

  test('that was removed from the file is forgotten at once, and it is known that it is not there', async () => {
    const { one, edge } = await installation();
    const [app, other] = [someApp(), someApp()];
    await one.writeApps([app, other], []);
    await one.writeApps([other], [app.key]);
    expect(await edge.readApp(app.key)).toBe('unknown');
    expect(await edge.readApp(other.key)).toEqual(other);
    await one.writeApps([], [other.key]);
    expect(await edge.readApp(other.key)).toBe('unknown');
  });

  test('leaves nothing a day after the last one', async () => {
    const { one, edge, redis, keys } = await installation();
    const app = someApp();
    await one.writeApps([app], []);
    await one.writeApps([], [app.key]);
    const ago = (ms: number) => redis.hset(keys.apps(), '@', Date.now() - ms);
    await ago(DAY_MS - MINUTE_MS);
    await one.writeApps([], []);
    expect(await edge.readApp(app.key)).toBe('unknown');
    await ago(DAY_MS + MINUTE_MS);
    await one.writeApps([], []);
    expect(await redis.exists(keys.apps())).toBe(0);
  });

  test('of a control-api that is gone has its minute also when the clock of Redis was set back', async () => {
    const { one, other, edge, age } = await installation();
    const [gone, app] = [someApp(), someApp()];
    await one.writeApps([gone], []);
    await age(gone, -DAY_MS);
    await other.writeApps([app], []);
    expect(await edge.readApp(gone.key)).toEqual(gone);
    await age(gone, MINUTE_MS + 1000);
    await other.writeApps([app], []);
    expect(await edge.readApp(gone.key)).toBe('unknown');
  });
});
