import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RememberedClients } from './remembered-clients.ts';

let parent: string;
let directory: string;
let clients: RememberedClients;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'holdfast-cli-'));
  directory = join(parent, '.holdfast', 'clients');
  clients = new RememberedClients(directory);
});

afterEach(() => rm(parent, { recursive: true }));

const me = { controlUrl: 'http://127.0.0.1:7700/', keyId: 'dev', name: 'me' };

const files = async (): Promise<string[]> => (await readdir(directory)).map((file) => join(directory, file));

describe('remembered clients', () => {
  it('are found by installation, key and name, in files of their owner alone', async () => {
    expect(await clients.find(me)).toBeUndefined();
    await clients.remember({ ...me, clientId: 'one' });
    await clients.remember({ ...me, name: 'you', clientId: 'two' });
    expect(await new RememberedClients(directory).find(me)).toBe('one');
    expect(await clients.find({ ...me, keyId: 'other' })).toBeUndefined();
    expect(await clients.find({ ...me, controlUrl: 'http://elsewhere/' })).toBeUndefined();
    for (const file of await files()) expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('are replaced by a newer one of the same name, and forgotten by id', async () => {
    await clients.forget('unknown');
    await clients.remember({ ...me, clientId: 'one' });
    await clients.remember({ ...me, clientId: 'two' });
    expect(await files()).toHaveLength(1);
    expect(await clients.find(me)).toBe('two');
    await clients.forget('one');
    expect(await clients.find(me)).toBe('two');
    await clients.forget('two');
    expect(await clients.find(me)).toBeUndefined();
    expect(await files()).toEqual([]);
  });

  it('are the newest hundred', async () => {
    await clients.remember({ ...me, name: 'oldest', clientId: 'x' });
    for (const file of await files()) await utimes(file, 0, 0);
    for (let number = 1; number <= 100; number++) await clients.remember({ ...me, name: `${number}`, clientId: 'x' });
    expect(await clients.find({ ...me, name: 'oldest' })).toBeUndefined();
    for (let number = 1; number <= 100; number++) expect(await clients.find({ ...me, name: `${number}` })).toBe('x');
  });

  it('are all kept when many commands remember and forget at once', async () => {
    const names = Array.from({ length: 50 }, (_, number) => `${number}`);
    await Promise.all(names.map((name) => clients.remember({ ...me, name, clientId: `old ${name}` })));
    await Promise.all(
      names.flatMap((name) => [
        clients.remember({ ...me, name, clientId: `new ${name}` }),
        new RememberedClients(directory).forget(`old ${name}`),
      ]),
    );
    for (const name of names) expect(await clients.find({ ...me, name })).toBe(`new ${name}`);
    expect(await files()).toHaveLength(50);
  });

  it.each(['', '{', '{"clients":1}', '[null,{"name":"me"}]', '{"name":"me"}'])(
    'in a damaged file are none: %j',
    async (text) => {
      await clients.remember({ ...me, clientId: 'one' });
      for (const file of await files()) await writeFile(file, text);
      expect(await clients.find(me)).toBeUndefined();
      await clients.remember({ ...me, clientId: 'two' });
      expect(await clients.find(me)).toBe('two');
    },
  );
});
