import { eventually } from '@holdfast/testkit/eventually';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Example,
  type InstallationOfExample,
  PATIENCE,
  type Visitor,
  type Visitors,
  accessibilityFaults,
  startExample,
  startInstallationOf,
  startVisitors,
} from './example.ts';

let installation: InstallationOfExample;
let example: Example;
let visitors: Visitors;
let url: string;

beforeAll(async () => {
  installation = await startInstallationOf('chat');
  example = await startExample('examples/chat/README.md', installation.env);
  visitors = await startVisitors();
  url = await example.printed(/^Open (http:\S+)$/m);
});
afterAll(async () => {
  await (visitors as Visitors | undefined)?.[Symbol.asyncDispose]();
  await (example as Example | undefined)?.interrupt();
  await (installation as InstallationOfExample | undefined)?.[Symbol.asyncDispose]();
});

async function signedIn(name: string): Promise<Visitor> {
  const visitor = await visitors.visit(url);
  await visitor.page.getByLabel('Your name').fill(name);
  await visitor.page.getByRole('button', { name: 'Sign in' }).click();
  await visitor.page.getByText('Connected').waitFor();
  return visitor;
}

async function openRoom({ page }: Visitor, room: string): Promise<void> {
  await page.getByLabel('Another room').fill(room);
  await page.getByRole('button', { name: 'Open' }).click();
  await page.getByRole('heading', { name: `# ${room}` }).waitFor();
  await page.getByText('Connected').waitFor();
}

async function write({ page }: Visitor, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

const shows = ({ page }: Visitor, ...lines: string[]) =>
  eventually(async () => {
    expect(await page.getByRole('log').getByRole('listitem').allInnerTexts()).toEqual(lines);
  }, PATIENCE);

const isWith = ({ page }: Visitor, ...users: string[]) =>
  eventually(async () => {
    expect((await page.locator('.members span:not(.help)').allInnerTexts()).toSorted()).toEqual(users);
  }, PATIENCE);

describe('examples/chat', () => {
  it('shows who is in a room, and what is written there, and shows it nowhere else', async () => {
    const [ann, bob] = [await signedIn('ann'), await signedIn('bob')];
    for (const each of [ann, bob]) await isWith(each, 'ann', 'bob');
    await write(ann, 'Hello');
    for (const each of [ann, bob]) await shows(each, 'ann Hello');

    expect(await accessibilityFaults(ann)).toEqual([]);
    // Made by the first one who opens it, gone from the lobby by that.
    const { backend } = installation;
    const room = async () => (await backend.call('GET', '/v1/topics/chat.garden')).status;
    expect(await room()).toBe(404);
    await openRoom(ann, 'garden');
    await eventually(async () => expect(await room()).toBe(200), PATIENCE);
    await isWith(ann, 'ann');
    await isWith(bob, 'bob');
    await write(ann, 'Only for this room');
    await shows(ann, 'ann Only for this room');
    await write(bob, 'Still in the lobby');
    await shows(bob, 'ann Hello', 'bob Still in the lobby');

    // Who comes later finds what was written.
    await openRoom(bob, 'garden');
    await isWith(bob, 'ann', 'bob');
    await shows(bob, 'ann Only for this room');
    await bob.page.close();
    await isWith(ann, 'ann');
    await ann.page.reload();
    await shows(ann, 'ann Hello', 'bob Still in the lobby');
    expect(visitors.complaints).toEqual([]);
  });

  it('takes the name of a message from the session', async () => {
    const cid = await signedIn('cid');
    const post = (path: string, data: object) => cid.context.request.post(`${url}${path}`, { data });
    const message = { room: 'names', text: 'I am ann', id: crypto.randomUUID(), from: 'ann', user: 'ann' };
    for (let time = 0; time < 2; time += 1) expect((await post('/messages', message)).status()).toBe(202);
    const history = await installation.backend.call('GET', '/v1/topics/chat.names/messages');
    // Sent twice, published once.
    expect(history.body).toMatchObject({ messages: [{ data: { from: 'cid', text: 'I am ann' } }] });
    expect(history.body['messages']).toHaveLength(1);

    await cid.page.getByRole('button', { name: 'Sign out' }).click();
    await cid.page.getByRole('button', { name: 'Sign in' }).waitFor();
    expect((await post('/messages', message)).status()).toBe(401);
    expect((await post('/token', { tab: crypto.randomUUID() })).status()).toBe(401);
  });

  it('keeps what is typed while a message is sent, and sends a changed text as another message', async () => {
    const eve = await signedIn('eve');
    await openRoom(eve, 'drafts');
    const { page } = eve;
    const text = page.getByLabel('Message', { exact: true });
    // It arrives, and the answer is lost.
    await page.route('**/messages', async (route) => {
      await route.fetch();
      await route.abort();
    });
    await write(eve, 'one');
    await page.getByRole('alert').waitFor();
    await shows(eve, 'eve one');
    await page.unroute('**/messages');
    await page.getByRole('button', { name: 'Send' }).click();
    await eventually(async () => expect(await text.inputValue()).toBe(''), PATIENCE);
    await shows(eve, 'eve one');

    await page.route('**/messages', async (route) => {
      await route.fetch();
      await route.abort();
    });
    await write(eve, 'two');
    await page.getByRole('alert').waitFor();
    await page.unroute('**/messages');
    await write(eve, 'two, changed');
    await shows(eve, 'eve one', 'eve two', 'eve two, changed');
    await eventually(async () => expect(await text.inputValue()).toBe(''), PATIENCE);
    await page.getByRole('alert').waitFor({ state: 'detached' });

    let release: (() => void) | undefined;
    const typed = new Promise<void>((resolve) => (release = resolve));
    await page.route('**/messages', async (route) => {
      await typed;
      await route.continue();
    });
    const answered = page.waitForResponse('**/messages');
    await write(eve, 'three');
    await text.fill('four');
    release?.();
    await (await answered).finished();
    await shows(eve, 'eve one', 'eve two', 'eve two, changed', 'eve three');
    expect(await text.inputValue()).toBe('four');
    await page.getByRole('button', { name: 'Send' }).click();
    await shows(eve, 'eve one', 'eve two', 'eve two, changed', 'eve three', 'eve four');
  });

  it('gives pages tokens that publish nothing', async () => {
    const dan = await signedIn('dan');
    const answer = await dan.context.request.post(`${url}/token`, { data: { tab: crypto.randomUUID() } });
    const { token } = (await answer.json()) as { token: string };
    const published = await fetch(`${installation.env['HOLDFAST_CONTROL_URL']}/v1/topics/chat.lobby/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ from: 'ann', text: 'not me' }),
    });
    expect(published.status).toBe(403);
  });
});
