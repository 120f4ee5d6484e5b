import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Example,
  PATIENCE,
  type Visitor,
  type Visitors,
  accessibilityFaults,
  startExample,
  startVisitors,
} from './example.ts';

const OPEN = /^Open (http:\S+)$/m;

let visitors: Visitors;
let example: Example;
let url: string;

beforeAll(async () => {
  // Nothing is given to it: it starts Redis, control-api and an edge, and makes its keys.
  example = await startExample('examples/live-scores/README.md', { PORT: '0', MINUTE_MS: '200' });
  visitors = await startVisitors();
  url = await example.printed(OPEN);
});
afterAll(async () => {
  await (visitors as Visitors | undefined)?.[Symbol.asyncDispose]();
  await (example as Example | undefined)?.interrupt();
});

const minuteOf = async ({ page }: Visitor) => Number.parseInt(await page.innerText('#minute'), 10);
const noticesOf = ({ page }: Visitor) => page.locator('#notices li').allInnerTexts();

async function signedIn(name: string): Promise<Visitor> {
  const visitor = await visitors.visit(url);
  const { page } = visitor;
  // A browser warns of a connection that is closed before it is open.
  await page.getByText('Live', { exact: true }).waitFor();
  await page.getByLabel('Your name').fill(name);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText(`Signed in as ${name}`).waitFor();
  return visitor;
}

/** Waits until the page has got so many minutes over its WebSocket. */
async function receivesScores(visitor: Visitor): Promise<void> {
  const { length } = visitor.frames;
  await eventually(() => {
    const scores = visitor.frames.slice(length).filter((frame) => frame.includes('"topic":"scores.today"'));
    expect(scores.length).toBeGreaterThan(2);
  }, PATIENCE);
  expect(await minuteOf(visitor)).toBeGreaterThanOrEqual(0);
}

describe('examples/live-scores', () => {
  it('shows scores to everybody, and notifies who follows a match, and no other', async () => {
    const visitor = await visitors.visit(url);
    const [ann, bob] = [await signedIn('ann'), await signedIn('bob')];
    for (const each of [visitor, ann, bob]) await receivesScores(each);

    await ann.page.getByRole('button', { name: 'Follow Harbour against Northgate' }).click();
    await eventually(async () => {
      const notices = await noticesOf(ann);
      expect(notices).toContain('You follow Harbour against Northgate.');
      expect(notices.join()).toMatch(/Goal! Harbour \d+ : \d+ Northgate/);
    }, PATIENCE);

    for (const each of [visitor, ann]) expect(await accessibilityFaults(each)).toEqual([]);
    for (const other of [visitor, bob]) {
      await receivesScores(other);
      expect(await noticesOf(other)).toEqual([]);
      expect(other.frames.filter((frame) => /"topic":"@(user|me)","id"/.test(frame))).toEqual([]);
    }
  });

  it('gives a token to who is signed in alone, and goes on as a visitor after a sign-out', async () => {
    const cid = await signedIn('cid');
    const ask = () => cid.context.request.post(`${url}/token`, { data: { tab: crypto.randomUUID() } });
    expect((await ask()).status()).toBe(200);
    await cid.page.getByText('Live', { exact: true }).waitFor();
    await cid.page.getByRole('button', { name: 'Sign out' }).click();
    await cid.page.getByRole('button', { name: 'Sign in' }).waitFor();
    expect((await ask()).status()).toBe(401);
    // A cookie without a signature is none.
    await cid.context.addCookies([{ name: 'user', value: 'ann', url }]);
    expect((await ask()).status()).toBe(401);
    await receivesScores(cid);
  });

  it('is one client when a sign-in is sent twice at once', async () => {
    const { page } = await visitors.visit(url);
    await page.getByText('Live', { exact: true }).waitFor();
    await page.getByLabel('Your name').fill('dan');
    // Both are answered together: the page starts twice.
    let release: (() => void) | undefined;
    const both = new Promise<void>((resolve) => (release = resolve));
    let logins = 0;
    await page.route('**/login', async (route) => {
      logins += 1;
      if (logins === 2) release?.();
      await both;
      await route.continue();
    });
    let [sessions, tokens] = [0, 0];
    page.on('response', (response) => {
      const { pathname } = new URL(response.url());
      if (pathname === '/session') sessions += 1;
      if (pathname === '/token') tokens += 1;
    });
    await page.evaluate('for (let time = 0; time < 2; time += 1) document.querySelector("#login").requestSubmit()');
    await eventually(() => expect(sessions).toBe(2), PATIENCE);
    await page.getByText('Live', { exact: true }).waitFor();
    const follow = page.getByRole('button', { name: 'Follow Harbour against Northgate' });
    await eventually(async () => expect(await follow.isEnabled()).toBe(true), PATIENCE);
    expect(tokens).toBe(1);
  });

  it('says so when its client has ended', async () => {
    const { page } = await visitors.visit(url);
    await page.getByText('Live', { exact: true }).waitFor();
    await page.route('**/visitor-token', (route) => route.fulfill({ json: { token: null } }));
    await page.reload();
    const status = page.getByRole('status').first();
    await eventually(async () => {
      expect(await status.innerText()).toBe('Not connected (not-authorized): reload the page');
    }, PATIENCE);
  });

  it('names a port that is taken, and starts nothing', async () => {
    await using second = await startExample('examples/live-scores/README.md', { PORT: new URL(url).port });
    await second.printed(/^Port \d+ is taken: /m);
    expect(await second.exitCode).toBe(1);
    expect(second.output()).not.toMatch(/EADDRINUSE|Holdfast: http/);
  });

  it('leaves nothing in the consoles, and nothing running', async () => {
    expect(visitors.complaints).toEqual([]);
    await example.interrupt();
    await expect(fetch(url)).rejects.toThrow('fetch failed');
  });
});
