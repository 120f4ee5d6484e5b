import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { chmod, lstat, mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changeFile } from './change-file.ts';
import { createKey, listKeys } from './keys-file.ts';

const run = promisify(execFile);
/** Whether a process may have a file system of its own here; in many containers it may not. */
const mayMount = await run('unshare', ['-U', '-r', '-m', 'true']).then(
  () => true,
  () => false,
);
const MODULE = fileURLToPath(new URL('./keys-file.ts', import.meta.url));

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
  file = join(folder, 'api-keys.json');
});
afterEach(() => rm(folder, { recursive: true }));

/** Creates keys in a process of its own; answers what each rejected with. */
async function createElsewhere(ids: readonly string[]): Promise<string[]> {
  const program = `
    import { createKey } from ${JSON.stringify(MODULE)};
    const ids = ${JSON.stringify(ids)};
    const all = await Promise.allSettled(ids.map((id) => createKey(${JSON.stringify(file)}, { id })));
    console.log(JSON.stringify(all.filter((one) => one.status === 'rejected').map(({ reason }) => reason.code)));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program]);
  return JSON.parse(stdout) as string[];
}

const ids = (process: string) => Array.from({ length: 20 }, (_, index) => `${process}-${index}`);

describe('a change of a file', () => {
  it('loses no key that two processes create at once', async () => {
    const refused = await Promise.all([createElsewhere(ids('a')), createElsewhere(ids('b'))]);
    expect(refused).toEqual([[], []]);
    expect(new Set((await listKeys(file)).map(({ id }) => id))).toEqual(new Set([...ids('a'), ...ids('b')]));
  });

  it('lets other processes have their turn while many wait in line', async () => {
    const ends: number[] = [];
    const gaps: number[] = [];
    const change = () =>
      changeFile(file, (text) => {
        gaps.push(performance.now() - (ends.at(-1) ?? Infinity));
        const end = performance.now() + 30;
        while (performance.now() < end);
        ends.push(performance.now());
        return text ?? '';
      });
    await Promise.all(Array.from({ length: 20 }, change));
    // Another process looks every 20 ms. Less a millisecond, by which timers may be early.
    expect(gaps.filter((gap) => gap >= 39).length).toBeGreaterThanOrEqual(3);
  });

  it('is made anew of what a program that takes no lock wrote in between', async () => {
    await writeFile(file, 'one');
    const seen: (string | null)[] = [];
    await changeFile(file, (text) => {
      seen.push(text);
      if (seen.length === 1) writeFileSync(file, 'by hand');
      return `${text} and more`;
    });
    expect(seen).toEqual(['one', 'by hand']);
    expect(await readFile(file, 'utf8')).toBe('by hand and more');
  });

  it('follows a symbolic link, as Kubernetes mounts files, and leaves it one', async () => {
    await mkdir(join(folder, '..data-1'));
    const target = join(folder, '..data-1', 'api-keys.json');
    await writeFile(target, '{"keys":[]}', { mode: 0o640 });
    await symlink('..data-1', join(folder, '..data'));
    await symlink(join('..data', 'api-keys.json'), file);
    await createKey(file, { id: 'mobile' });
    expect((await lstat(file)).isSymbolicLink()).toBe(true);
    expect((await listKeys(target)).map(({ id }) => id)).toEqual(['mobile']);
    expect((await stat(target)).mode & 0o777).toBe(0o640);
    expect(await readdir(join(folder, '..data-1'))).toEqual(['api-keys.json']);
  });

  it.runIf(process.getuid?.() === 0)('keeps the owner, who may be another than root', async () => {
    await writeFile(file, '{"keys":[]}', { mode: 0o600 });
    await run('chown', ['65534:65534', file]);
    await createKey(file, { id: 'mobile' });
    expect(await stat(file)).toMatchObject({ uid: 65_534, gid: 65_534 });
  });

  it.runIf(process.getuid?.() === 0).each([
    ['keeps the group when the owner cannot be kept', '0:2', 0o640, 2, '', '65534:2 640'],
    [
      'is refused when the group cannot be kept and may read',
      '65534:2',
      0o640,
      65_534,
      'keys-file-read-only',
      '65534:2 640',
    ],
    ['drops a group that may do nothing', '65534:2', 0o600, 65_534, '', '65534:65534 600'],
  ])('by another user than root %s', async (_, owner, mode, group, refusal, after) => {
    await chmod(folder, 0o777);
    await writeFile(file, 'before');
    await run('chown', [owner, file]);
    await chmod(file, mode);
    const program = `
      import { changeFile } from ${JSON.stringify(fileURLToPath(new URL('./change-file.ts', import.meta.url)))};
      process.setgroups([${group}]);
      process.setgid(65534);
      process.setuid(65534);
      const { code = '' } = await changeFile(${JSON.stringify(file)}, () => 'after').then(() => ({}), (error) => error);
      process.stdout.write(code);`;
    expect((await run(process.execPath, ['--input-type=module', '-e', program])).stdout).toBe(refusal);
    expect(await readFile(file, 'utf8')).toBe(refusal === '' ? 'after' : 'before');
    const stats = await stat(file);
    expect(`${stats.uid}:${stats.gid} ${(stats.mode & 0o7777).toString(8)}`).toBe(after);
    expect(await readdir(folder)).toEqual(['api-keys.json']);
  });

  it('is refused where the file system permits none', async () => {
    // /sys takes no new file from anyone, root included.
    await symlink('/sys/kernel/notes', file);
    await expect(createKey(file, { id: 'mobile' })).rejects.toMatchObject({
      code: 'keys-file-read-only',
      message: expect.stringMatching(/cannot be changed here \(E[A-Z]+\)/),
    });
  });

  it('is refused for what is no regular file', async () => {
    await run('mkfifo', [file]);
    for (const other of [file, folder]) {
      await expect(changeFile(other, () => '')).rejects.toHaveProperty('code', 'keys-file-invalid');
    }
  });

  it.skipIf(!mayMount).each([
    ['is full', 'keys-file-failed', 'head -c 4000 /dev/zero > "$1"/filler'],
    ['is read-only', 'keys-file-read-only', 'mount -o remount,ro "$1"'],
  ])('changes nothing when the file system %s', async (_, code, before) => {
    const program = `
      import { createKey } from ${JSON.stringify(MODULE)};
      const file = ${JSON.stringify(file)};
      await createKey(file, { id: 'mobile' }).catch(({ code, message }) => console.log(code, message.includes(file)));`;
    const steps = [
      'mount -t tmpfs -o size=8k none "$1"',
      'printf "%s" \'{"keys":[]}\' > "$1"/api-keys.json',
      before,
      '"$2" --input-type=module -e "$3"',
      'cat "$1"/api-keys.json',
      'rm -f "$1"/filler 2> /dev/null || true',
      'ls "$1"',
    ];
    // A mount that this process alone sees.
    const words = ['-U', '-r', '-m', 'sh', '-c', steps.join('\n'), 'sh', folder, process.execPath, program];
    expect((await run('unshare', words)).stdout).toBe(`${code} true\n{"keys":[]}api-keys.json\n`);
  });
});
