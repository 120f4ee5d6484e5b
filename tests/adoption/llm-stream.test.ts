import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
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
/** The model stops in the middle of an answer until this file is there. */
let release: string;

beforeAll(async () => {
  installation = await startInstallationOf('llm-stream');
  release = join(installation.directory, 'release');
  example = await startExample('examples/llm-stream/README.md', {
    ...installation.env,
    TOKEN_MS: '40',
    MODEL_WAITS_FOR: release,
  });
  visitors = await startVisitors();
  url = await example.printed(/^Open (http:\S+)$/m);
});
afterAll(async () => {
  await (visitors as Visitors | undefined)?.[Symbol.asyncDispose]();
  await (example as Example | undefined)?.interrupt();
  await (installation as InstallationOfExample | undefined)?.[Symbol.asyncDispose]();
});

const textOf = ({ page }: Visitor) => page.innerText('#text');

const showsSome = (visitor: Visitor, length: number) =>
  eventually(async () => expect((await textOf(visitor)).length).toBeGreaterThan(length), PATIENCE);

const isComplete = ({ page }: Visitor) =>
  eventually(async () => expect(await page.innerText('#status')).toBe('The answer is complete.'), PATIENCE);

describe('examples/llm-stream', () => {
  it('shows one answer, whole, to who stays, who comes late, who reloads, and who comes at the end', async () => {
    const [stays, late, reloads] = [await visitors.visit(url), await visitors.visit(url), await visitors.visit(url)];
    await stays.page.getByLabel('Your question').fill('How is a stream shared?');
    await stays.page.getByRole('button', { name: 'Ask' }).click();
    await showsSome(stays, 100);
    const address = stays.page.url();
    for (const { page } of [late, reloads]) await page.goto(address);
    for (const each of [late, reloads]) await showsSome(each, 150);
    const before = (await textOf(reloads)).length;
    await reloads.page.reload();
    await showsSome(reloads, before - 1);
    // It is in the middle, or this shows nothing.
    for (const { page } of [stays, late, reloads]) expect(await page.innerText('#status')).toBe('Answering …');
    const middle = Math.max(...(await Promise.all([stays, late, reloads].map(textOf))).map(({ length }) => length));
    await writeFile(release, '');
    for (const each of [stays, late, reloads]) await showsSome(each, middle);
    for (const each of [stays, late, reloads]) await isComplete(each);
    const end = await visitors.visit(address);
    await isComplete(end);

    const { backend } = installation;
    const topic = `answer.${new URL(address).hash.slice(1)}`;
    const { body } = await backend.call<{ messages: { data: { text?: string } }[] }>(
      'GET',
      `/v1/topics/${topic}/messages?limit=1000`,
    );
    const text = body.messages.map(({ data }) => data.text ?? '').join('');
    expect(text).toMatch(/^You asked: “How is a stream shared\?”.*\.$/);
    for (const each of [stays, late, reloads, end]) {
      expect(await textOf(each)).toBe(text);
      expect(await each.page.innerText('#asked')).toBe('How is a stream shared?');
    }
    expect(await accessibilityFaults(end)).toEqual([]);
    expect(visitors.complaints).toEqual([]);
    // Some tokens a message; and nothing is left of it in the end.
    expect(body.messages.length).toBeLessThan((text.match(/\s*\S{1,5}/g) ?? []).length / 2);
    expect((await backend.call('GET', `/v1/topics/${topic}`)).body).toMatchObject({ expireSeconds: 600 });
  });

  it('says so when an answer is gone', async () => {
    const visitor = await visitors.visit(url);
    const complaints = visitors.complaints.length;
    await visitor.page.goto(`${url}/#${crypto.randomUUID()}`);
    await visitor.page.getByText('This answer is gone.').waitFor();
    // The browser writes down each 404.
    const others = visitors.complaints.slice(complaints).filter((line) => !line.includes('404'));
    expect([...visitors.complaints.slice(0, complaints), ...others]).toEqual([]);
  });

  it('says so when the address is that of no answer', async () => {
    const visitor = await visitors.visit(url);
    const requests: string[] = [];
    visitor.page.on('request', (request) => requests.push(new URL(request.url()).pathname));
    await visitor.page.goto(`${url}/#foo`);
    await visitor.page.getByText('There is no answer at this address.').waitFor();
    expect(await visitor.page.getAttribute('#answer', 'aria-busy')).toBe('false');
    expect(requests).not.toContain('/token');
  });

  it('gives a viewer a token for its answer alone', async () => {
    const visitor = await visitors.visit(url);
    const data = { viewer: crypto.randomUUID(), answer: crypto.randomUUID() };
    const answer = await visitor.context.request.post(`${url}/token`, { data });
    const { token } = (await answer.json()) as { token: string };
    const other = `answer.${crypto.randomUUID()}`;
    await installation.backend.topic(other);
    const history = await fetch(`${installation.env['HOLDFAST_CONTROL_URL']}/v1/topics/${other}/messages`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(history.status).toBe(403);
  });
});
