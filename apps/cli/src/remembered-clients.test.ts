import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RememberedClients } from './remembered-clients.ts';

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'holdfast-cli-'));
  file = join(directory, '.holdfast', 'clients.json');
});

afterEach(() => rm(directory, { recursive: true }));

const me = { controlUrl: 'http://127.0.0.1:7700/', keyId: 'dev', name: 'me' };

describe('remembered clients', () => {
  it('are found by installation, key and name, in a file of their owner alone', async () => {
    const clients = new RememberedClients(file);
    expect(await clients.find(me)).toBeUndefined();
    await clients.remember({ ...me, clientId: 'one' });
    await clients.remember({ ...me, name: 'you', clientId: 'two' });
    expect(await new RememberedClients(file).find(me)).toBe('one');
    expect(await clients.find({ ...me, keyId: 'other' })).toBeUndefined();
    expect(await clients.find({ ...me, controlUrl: 'http://elsewhere/' })).toBeUndefined();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('are replaced by a newer one of the same name, and forgotten by id', async () => {
    const clients = new RememberedClients(file);
    await clients.remember({ ...me, clientId: 'one' });
    await clients.remember({ ...me, clientId: 'two' });
    expect(await clients.find(me)).toBe('two');
    await clients.forget('two');
    expect(await clients.find(me)).toBeUndefined();
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual([]);
  });

  it('are the newest hundred', async () => {
    const clients = new RememberedClients(file);
    for (let number = 0; number <= 100; number++) await clients.remember({ ...me, name: `${number}`, clientId: 'x' });
    expect(await clients.find({ ...me, name: '0' })).toBeUndefined();
    expect(await clients.find({ ...me, name: '1' })).toBe('x');
  });

  it.each(['', '{', '{"clients":1}', '[null,{"name":"me"}]'])('in a damaged file are none: %j', async (text) => {
    const clients = new RememberedClients(file);
    await clients.remember({ ...me, clientId: 'one' });
    await writeFile(file, text);
    expect(await clients.find(me)).toBeUndefined();
    await clients.remember({ ...me, clientId: 'two' });
    expect(await clients.find(me)).toBe('two');
  });
});
