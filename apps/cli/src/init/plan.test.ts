import { mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { apiKeysFile } from '@holdfast/protocol/api-key';
import { sha256 } from '@holdfast/keys-file/keys-file';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../run.ts';
import { recordingTerminal } from '../testing/recording-terminal.ts';
import { COMPOSE } from './compose.ts';
import { PAGE } from './example.ts';
import { planOf } from './plan.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-init-'));
});
afterEach(() => rm(folder, { recursive: true }));

function plan(options: Partial<Parameters<typeof planOf>[0]> = {}) {
  return planOf({ folder, force: false, key: null, controlUrl: null, owner: { uid: 7, gid: 8 }, ...options });
}

async function textOf(name: string, options?: Partial<Parameters<typeof planOf>[0]>): Promise<string> {
  return (await plan(options)).find((file) => file.name === name)?.text ?? '';
}

describe('what init writes', () => {
  it('has one key, whose secret is in .env alone, and both are for their owner', async () => {
    const files = await plan();
    expect(files.map(({ name, action }) => [name, action])).toEqual(
      ['.env', 'holdfast/api-keys.json', '.gitignore', 'compose.yaml', 'page.html', 'backend.mjs', 'package.json'].map(
        (name) => [name, 'create'],
      ),
    );
    const [environment, keys] = files;
    const [, secret = ''] = /^HOLDFAST_KEY=dev\.(\S{40,})$/m.exec(environment?.text ?? '') ?? [];
    expect(apiKeysFile.parse(JSON.parse(keys?.text ?? ''))).toMatchObject({
      keys: [{ id: 'dev', secretSha256: sha256(secret) }],
    });
    expect([keys?.mode, environment?.mode]).toEqual([0o600, 0o600]);
    expect(files.filter(({ text }) => text.includes(secret)).map(({ name }) => name)).toEqual(['.env']);
    expect(environment?.text).toContain('HOLDFAST_CONTROL_URL=http://127.0.0.1:7700\n');
    expect(environment?.text).toContain('HOLDFAST_UID=7\nHOLDFAST_GID=8\n');
    expect(await textOf('.gitignore')).toBe('.env\nholdfast/\nnode_modules/\n');
  });

  it('knows the key of npm start', async () => {
    const options = { key: 'dev.of-npm-start', controlUrl: 'http://127.0.0.1:9999' };
    expect(await textOf('.env', options)).toContain(
      'HOLDFAST_CONTROL_URL=http://127.0.0.1:9999\nHOLDFAST_KEY=dev.of-npm-start\n',
    );
    expect(await textOf('holdfast/api-keys.json', options)).toContain(sha256('of-npm-start'));
  });

  it('adds to .env and .gitignore what they lack, and leaves the rest', async () => {
    await writeFile(join(folder, '.env'), 'PORT=1\nHOLDFAST_KEY=dev.mine');
    await writeFile(join(folder, '.gitignore'), 'node_modules/\n');
    expect(await textOf('.env')).toBe(
      'PORT=1\nHOLDFAST_KEY=dev.mine\nHOLDFAST_CONTROL_URL=http://127.0.0.1:7700\nHOLDFAST_UID=7\nHOLDFAST_GID=8\n',
    );
    expect(await textOf('.gitignore')).toBe('node_modules/\n.env\nholdfast/\n');
    expect(await textOf('holdfast/api-keys.json')).toContain(sha256('mine'));
  });

  it('overwrites nothing without force, and keys never', async () => {
    await writeFile(join(folder, 'page.html'), 'mine');
    await writeFile(join(folder, 'compose.yaml'), 'mine');
    await expect(plan()).rejects.toMatchObject({
      code: 'file-exists',
      message: expect.stringContaining('compose.yaml, page.html are there'),
    });
    await mkdir(join(folder, 'holdfast'));
    const keys = `{"keys":[{"id":"dev","secretSha256":"${sha256('mine')}"}]}`;
    await writeFile(join(folder, 'holdfast/api-keys.json'), keys);
    await expect(plan({ force: true })).rejects.toMatchObject({ code: 'keys-without-secret' });
    await writeFile(join(folder, '.env'), 'HOLDFAST_KEY=dev.mine\n');
    const forced = await plan({ force: true });
    expect(forced.find(({ name }) => name === 'holdfast/api-keys.json')).toMatchObject({ action: 'keep', text: keys });
    expect(forced.find(({ name }) => name === 'page.html')).toMatchObject({ action: 'replace' });
  });
});

describe('a key in .env', () => {
  it('is read as Node and Docker read it', async () => {
    for (const line of [
      'HOLDFAST_KEY=dev.mine # mine',
      'HOLDFAST_KEY="dev.mine"',
      'export HOLDFAST_KEY=dev.mine',
      'HOLDFAST_KEY=a.b\nHOLDFAST_KEY=dev.mine',
    ]) {
      await writeFile(join(folder, '.env'), `${line}\n`);
      expect(await textOf('holdfast/api-keys.json')).toContain(sha256('mine'));
      expect((await textOf('.env')).startsWith(`${line}\nHOLDFAST_CONTROL_URL=`)).toBe(true);
      expect((await textOf('.env')).replace(line, '')).not.toContain('HOLDFAST_KEY');
    }
  });

  it('is refused by file, line and rule when it is none', async () => {
    for (const line of [
      'HOLDFAST_KEY=',
      'HOLDFAST_KEY=nodot',
      'HOLDFAST_KEY=a b.c',
      'HOLDFAST_KEY=a.',
      'HOLDFAST_KEY=.b',
      'HOLDFAST_KEY="a.b c"',
    ]) {
      await writeFile(join(folder, '.env'), `PORT=1\n${line}\n`);
      const refused = {
        code: 'bad-env',
        message: expect.stringMatching(/\.env\. Line 2: HOLDFAST_KEY must be <id>\.<secret>/),
      };
      await expect(plan()).rejects.toMatchObject(refused);
    }
    await writeFile(join(folder, '.env'), 'TEXT="\nHOLDFAST_KEY=dev.mine\n"\n');
    await expect(plan()).rejects.toMatchObject({ code: 'bad-env' });
  });
});

describe('a symbolic link in the folder', () => {
  it('is refused before anything is written, whatever it leads to', async () => {
    const outside = await mkdtemp(join(tmpdir(), 'holdfast-outside-'));
    await writeFile(join(outside, 'file'), 'PORT=1\n');
    try {
      for (const [name, target] of [
        ['.env', join(outside, 'file')],
        ['.env', join(outside, 'nothing')],
        ['holdfast', outside],
        ['page.html', join(outside, 'file')],
        ['package.json', 'nothing'],
      ] as const) {
        await symlink(target, join(folder, name));
        const terminal = recordingTerminal();
        expect(await run(['init', folder, '--force'], terminal)).toBe(2);
        expect(terminal.errLines.join()).toContain(
          `Nothing was written: ${name} in ${folder} must not be a symbolic link`,
        );
        expect(await readdir(folder)).toEqual([name]);
        await rm(join(folder, name));
      }
      expect(await readdir(outside)).toEqual(['file']);
      expect(await readFile(join(outside, 'file'), 'utf8')).toBe('PORT=1\n');
    } finally {
      await rm(outside, { recursive: true });
    }
  });

  it('may be the folder itself, and files are made there for their owner', async () => {
    await mkdir(join(folder, 'real'));
    await symlink('real', join(folder, 'link'));
    expect(await run(['init', join(folder, 'link')], recordingTerminal())).toBe(0);
    const modeOf = async (name: string) => (await stat(join(folder, 'real', name))).mode & 0o777;
    expect(await Promise.all(['.env', 'holdfast/api-keys.json', 'holdfast'].map(modeOf))).toEqual([
      0o600, 0o600, 0o700,
    ]);
    await writeFile(join(folder, 'real/page.html'), 'a longer text than that of the page: '.repeat(1000));
    expect(await run(['init', join(folder, 'link'), '--force'], recordingTerminal())).toBe(0);
    expect(await readFile(join(folder, 'real/page.html'), 'utf8')).toBe(PAGE);
  });
});

describe('the compose file', () => {
  it('has services of the one in the repository, and variables that the services know', async () => {
    const services = [...COMPOSE.matchAll(/^ {2}([a-z-]+):$/gm)].map(([, name]) => name);
    expect(services).toEqual(['redis', 'control-api', 'socket-edge', 'redis']);
    const repository = await readFile(join(repositoryRoot, 'docker-compose.yml'), 'utf8');
    for (const name of services) expect(repository).toContain(`\n  ${name}:\n`);
    const known = await readFile(join(repositoryRoot, 'docs/reference/configuration.md'), 'utf8');
    const variables = [...COMPOSE.matchAll(/^ {6}([A-Z_]+):/gm)].map(([, name]) => name);
    expect(variables).toContain('API_KEYS_FILE');
    for (const name of variables) expect(known).toContain(`\`${name}\``);
  });
});
