import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { firstKeysScript } from './chart/first-keys.ts';

const SECRET_MODE = 0o440;
let folder = '';
let file = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-first-keys-'));
  for (const name of ['holdfast', 'holdfast-first-keys']) mkdirSync(join(folder, name));
  file = join(folder, 'holdfast/api-keys.json');
  putSecret('first');
});

afterEach(() => rmSync(folder, { recursive: true }));

function putSecret(text: string): void {
  const secret = join(folder, 'holdfast-first-keys/api-keys.json');
  rmSync(secret, { force: true });
  writeFileSync(secret, text, { mode: SECRET_MODE });
}

/** What node is given in this pod; `before` can change functions of `fs`. */
function programOf(pod: string, before = ''): [args: string[], options: { env: NodeJS.ProcessEnv }] {
  const script = `{ const fs = require('node:fs'); ${before} }\n${firstKeysScript().replaceAll('/etc/', `${folder}/`)}`;
  return [['-e', script], { env: { ...process.env, HOSTNAME: pod } }];
}

function fill(pod: string, before?: string): string {
  const [args, options] = programOf(pod, before);
  execFileSync(process.execPath, args, { ...options, stdio: 'pipe' });
  return readFileSync(file, 'utf8');
}

describe('the init container first-keys of the chart', () => {
  it('fills an empty volume once, keeps what is on it then, and needs no Secret any more', () => {
    expect(fill('a')).toBe('first');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    putSecret('second');
    expect(fill('b')).toBe('first');
    rmSync(join(folder, 'holdfast-first-keys/api-keys.json'));
    expect(fill('c')).toBe('first');
    expect(readdirSync(join(folder, 'holdfast'))).toEqual(['api-keys.json']);
  });

  it('overwrites no file that another pod has put there after it looked', () => {
    writeFileSync(file, 'with a key that was made since');
    expect(fill('a', 'fs.existsSync = () => false;')).toBe('with a key that was made since');
    expect(readdirSync(join(folder, 'holdfast'))).toEqual(['api-keys.json']);
  });

  it('leaves one whole file when several run at once', async () => {
    const pods = ['a', 'b', 'c'];
    await Promise.all(pods.map((pod) => promisify(execFile)(process.execPath, ...programOf(pod))));
    expect(readFileSync(file, 'utf8')).toBe('first');
    expect(readdirSync(join(folder, 'holdfast'))).toEqual(['api-keys.json']);
  });

  // Each function by which it, or another way to do the same, puts a file in place.
  test.each(['linkSync', 'renameSync', 'chmodSync'])('may be killed before %s, and starts again', (name) => {
    const [args, options] = programOf('a', `fs.${name} = () => { process.kill(process.pid, 'SIGKILL'); };`);
    const { status, signal } = spawnSync(process.execPath, args, options);
    expect([0, 'SIGKILL']).toContain(signal ?? status);
    for (const left of readdirSync(join(folder, 'holdfast'))) {
      // One that its owner may not write to stops the next start.
      expect(statSync(join(folder, 'holdfast', left)).mode & 0o777).toBe(0o600);
    }
    expect(fill('b')).toBe('first');
    expect(fill('a')).toBe('first');
  });

  it('starts again over what a pod of the same name has left that was killed, read-only and half written', () => {
    writeFileSync(`${file}.a`, 'fir', { mode: SECRET_MODE });
    expect(fill('a')).toBe('first');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(folder, 'holdfast'))).toEqual(['api-keys.json']);
  });

  test('on a volume without hard links it fills it too, and overwrites nothing', () => {
    const withoutLinks = 'fs.linkSync = () => { throw Object.assign(new Error(), { code: "EPERM" }); };';
    expect(fill('a', withoutLinks)).toBe('first');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    writeFileSync(file, 'with a key that was made since');
    expect(() => fill('b', `${withoutLinks} fs.existsSync = () => false;`)).toThrow('EEXIST');
    expect(fill('b', withoutLinks)).toBe('with a key that was made since');
  });
});
