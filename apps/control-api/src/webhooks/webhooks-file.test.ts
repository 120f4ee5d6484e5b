import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pusherEventName } from '@holdfast/protocol/pusher-webhooks';
import { ConfigError } from '@holdfast/service/config';
import { captureLog } from '@holdfast/service/captured-log';
import { eventually } from '@holdfast/testkit/eventually';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { openWebhooksFile } from './webhooks-file.ts';

const SECRET = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
const GOOD = { id: 'backend', url: 'https://example.com/hook', secret: SECRET, types: ['client.*'] };
const PUSHER = { id: 'channels', url: 'https://example.com/pusher', format: 'pusher', app: 'app' };

let file: string;
beforeEach(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'webhooks-'));
  file = join(directory, 'webhooks.json');
  return () => rm(directory, { recursive: true });
});

const log = captureLog();
const { logger } = log;
async function open(content: unknown, allowPrivate = false) {
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return openWebhooksFile(file, { allowPrivate, logger });
}

/** In one step: a reader finds the old content or this, and no part. */
async function replace(content: unknown): Promise<void> {
  await writeFile(`${file}.new`, JSON.stringify(content));
  await rename(`${file}.new`, file);
}

/** The rule of the fault that opening it throws. */
async function faultOf(content: unknown): Promise<string> {
  const error: unknown = await open(content).catch((thrown: unknown) => thrown);
  if (!(error instanceof ConfigError)) throw new Error('it was taken');
  expect(error.faults).toMatchObject([{ variable: 'WEBHOOKS_FILE' }]);
  return error.faults[0]?.rule ?? '';
}

describe('a file of webhooks', () => {
  test('gives its endpoints with their defaults', async () => {
    const { first } = await open({ endpoints: [{ ...GOOD, types: undefined, batch: {} }] });
    expect(first).toEqual([
      {
        id: 'backend',
        url: 'https://example.com/hook',
        format: 'standard',
        secrets: [SECRET],
        types: ['*'],
        batch: { size: 100, ms: 250 },
      },
    ]);
  });

  test('may have endpoints for the channels of apps', async () => {
    const { first } = await open({
      endpoints: [
        { ...PUSHER, batch: {} },
        { ...PUSHER, id: 'b', types: ['cache_miss'] },
      ],
    });
    expect(first).toEqual([
      { ...PUSHER, types: pusherEventName.options, batch: { size: 100, ms: 250 } },
      { ...PUSHER, id: 'b', types: ['cache_miss'] },
    ]);
  });

  test('that cannot be read, or is no JSON, is refused', async () => {
    await expect(openWebhooksFile(`${file}.none`, { allowPrivate: false, logger })).rejects.toThrow('ENOENT');
    expect(await faultOf('{"endpoints":[')).toMatch('it is not JSON');
  });

  const short = `whsec_${Buffer.alloc(23, 1).toString('base64')}`;
  const long = `whsec_${Buffer.alloc(65, 1).toString('base64')}`;
  test.each([
    ['an unknown field', { more: 1 }, 'endpoints[0].more: is not a field'],
    ['a bad id', { id: 'a b' }, 'endpoints[0].id: must be 1 to 64 of'],
    ['no URL', { url: 'example.com' }, 'endpoints[0].url: must be an https:// URL'],
    ['a URL of another protocol', { url: 'ftp://example.com' }, 'endpoints[0].url: must be an https:// URL'],
    ['a URL without TLS', { url: 'http://example.com' }, 'endpoints[0].url: must be an https:// URL unless'],
    ['a URL with a password', { url: 'https://a:b@example.com' }, 'endpoints[0].url: must have no user'],
    ['a private address', { url: 'https://192.168.0.1' }, 'endpoints[0].url: must not be a private address'],
    ['a mapped one', { url: 'https://[::ffff:127.0.0.1]' }, 'endpoints[0].url: must not be a private address'],
    ['no secret', { secret: undefined }, 'endpoints[0]: must have either secret or secrets'],
    ['both', { secrets: [SECRET] }, 'endpoints[0]: must have either secret or secrets'],
    ['a short secret', { secret: short }, 'endpoints[0].secret: must be "whsec_" and 24 to 64'],
    ['a long secret', { secret: long }, 'endpoints[0].secret: must be "whsec_" and 24 to 64'],
    ['a secret without its prefix', { secret: SECRET.slice(6) }, 'endpoints[0].secret: must be "whsec_"'],
    ['an unknown type', { types: ['client.danced'] }, 'endpoints[0].types[0]: must be a type of event'],
    ['all messages by a pattern', { types: ['message.*'] }, 'endpoints[0].types[0]: must be a type of event'],
    ['a bad pattern of topics', { topics: ['a.**.b'] }, 'endpoints[0].topics[0]: must be segments'],
    ['a batch of nothing', { batch: { size: 0 } }, 'endpoints[0].batch.size:'],
  ])('with %s is refused, and says so', async (_, fields, fault) => {
    expect(await faultOf({ endpoints: [{ ...GOOD, ...fields }] })).toContain(fault);
  });

  test.each([
    ['no app', { app: undefined }, 'endpoints[0].app:'],
    ['a bad app', { app: 'a b' }, 'endpoints[0].app: must be 1 to 64 of'],
    ['a secret of its own', { secret: SECRET }, 'endpoints[0].secret: is not a field'],
    ['patterns of topics', { topics: ['a'] }, 'endpoints[0].topics: is not a field'],
    ['types of Standard Webhooks', { types: ['topic.*'] }, 'endpoints[0].types[0]:'],
    ['no types', { types: [] }, 'endpoints[0].types:'],
    ['another format', { format: 'xml' }, 'endpoints[0].format: must be "standard" or "pusher"'],
    ['a URL without TLS', { url: 'http://example.com' }, 'endpoints[0].url: must be an https:// URL unless'],
  ])('with %s for an app is refused, and says so', async (_, fields, fault) => {
    expect(await faultOf({ endpoints: [{ ...PUSHER, ...fields }] })).toContain(fault);
  });

  test('names every fault at once, and an id that is there twice', async () => {
    const fault = await faultOf({
      endpoints: [
        { ...GOOD, url: 'x', types: ['x'] },
        { ...GOOD, secret: 'x' },
      ],
    });
    for (const field of ['endpoints[0].url', 'endpoints[0].types[0]', 'endpoints[1].secret']) {
      expect(fault).toContain(field);
    }
    expect(await faultOf({ endpoints: [GOOD, GOOD] })).toContain('endpoints[1].id: is there twice');
  });

  test('may have private addresses and http:// where these are allowed', async () => {
    const { first } = await open({ endpoints: [{ ...GOOD, url: 'http://127.0.0.1:9' }] }, true);
    expect(first).toHaveLength(1);
  });
});

test('a file that changes is read again; one that is broken keeps the old endpoints, and says so', async () => {
  const source = await open({ endpoints: [GOOD] });
  const seen: string[][] = [];
  onTestFinished(source.watch((endpoints) => seen.push(endpoints.map(({ id }) => id))));
  await replace({ endpoints: [GOOD, { ...GOOD, id: 'second' }] });
  await eventually(() => expect(seen).toEqual([['backend', 'second']]));
  await replace({ endpoints: [{ ...GOOD, secret: 'x' }] });
  await eventually(() =>
    expect(log.linesWith('webhooks file is invalid: the old endpoints stay')).toMatchObject([
      { level: 'error', reason: expect.stringContaining('endpoints[0].secret') as string },
    ]),
  );
  await replace({ endpoints: [] });
  await eventually(() => expect(seen).toEqual([['backend', 'second'], []]));
  await source.reload();
  expect(seen).toHaveLength(3);
  expect(JSON.stringify(log.lines)).not.toContain(SECRET);
});
