import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { installCommand, installPackage } from './distribution-package.ts';

/**
 * The real script, with an apt-get that writes down what it is asked: to install packages for real is for a machine that
 * can be thrown away.
 */
describe('install-package.sh', () => {
  let directory: string;
  let env: Record<string, string>;
  const policy = () => join(directory, 'policy-rc.d');
  const calls = () => readFile(join(directory, 'calls'), 'utf8');

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
    env = { PATH: `${directory}:/usr/bin:/bin` };
    await command('dpkg-query', 'exit 1');
    // Of a systemd that may run here.
    await command('systemctl', 'exit 0');
  });
  afterEach(() => rm(directory, { recursive: true }));

  async function command(name: string, script: string): Promise<void> {
    await writeFile(join(directory, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(directory, name), 0o755);
  }

  /** What it is asked ends in `update`, or `install … <package>`. */
  const apt = (script: string) =>
    command('apt-get', `for last; do :; done; echo "$last $(cat ${policy()})" >> ${directory}/calls\n${script}`);

  async function install(packages = ['redis-server', 'valkey-server']): Promise<string | null> {
    const how = await installCommand(env, true);
    if ('missing' in how) throw new Error(how.missing);
    const [shell, script] = how.command;
    return installPackage([shell, script ?? '', policy()], packages, env);
  }

  it('forbids services to start while it installs, and takes that back', async () => {
    await apt('exit 0');
    expect(await install()).toBeNull();
    expect(await calls()).toBe('update #!/bin/sh\nexit 101\nredis-server #!/bin/sh\nexit 101\n');
    expect(existsSync(policy())).toBe(false);
  });

  it('leaves a policy that is there as it is', async () => {
    await writeFile(policy(), 'theirs');
    await apt('exit 0');
    expect(await install()).toBeNull();
    expect(await readFile(policy(), 'utf8')).toBe('theirs');
  });

  it('takes the next package where there is no such one, also when the lists could not be read', async () => {
    await apt('[ "$last" = valkey-server ] || { echo "E: no $last"; exit 100; }');
    expect(await install()).toBeNull();
    expect((await calls()).match(/^\S+(?= )/gm)?.filter((word) => word !== 'exit')).toEqual([
      'update',
      'redis-server',
      'valkey-server',
    ]);
  });

  it('waits for another apt-get that holds a lock', async () => {
    await apt(`[ "$last" != update ] || [ -e ${directory}/second ] || {
      touch ${directory}/second; echo "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1"; exit 100; }`);
    expect(await install()).toBeNull();
    expect((await calls()).match(/^update/gm)).toHaveLength(2);
  });

  it('asks for nothing that is installed, and says so when there is nothing else', async () => {
    await command('dpkg-query', '[ "$4" = redis-server ] && echo installed');
    await apt('exit 0');
    expect(await install()).toBeNull();
    expect((await calls()).match(/^\S+(?= #!)/gm)).toEqual(['update', 'valkey-server']);
    expect(await install(['redis-server'])).toContain('redis-server is installed already');
  });

  it('says what apt-get said when none can be had, and takes the policy back', async () => {
    await apt('echo "E: Unable to locate package $last"; exit 100');
    expect(await install()).toMatch(/Unable to locate package redis-server.*Unable to locate package valkey-server/s);
    expect(existsSync(policy())).toBe(false);
  });

  it('needs apt-get, and root or a sudo that asks for no password', async () => {
    const here = { PATH: directory };
    expect(await installCommand(here, true)).toEqual({ missing: 'there is no apt-get' });
    await apt('exit 0');
    expect(await installCommand(here, false)).toEqual({ missing: 'apt-get needs root, and there is no sudo' });
    await command('sudo', 'exit 1');
    expect(await installCommand(here, false)).toEqual({ missing: 'apt-get needs root, and sudo asks for a password' });
    await command('sudo', 'exit 0');
    expect(await installCommand(here, false)).toMatchObject({
      command: [join(directory, 'sudo'), '-n', '/bin/sh', expect.any(String), '/usr/sbin/policy-rc.d'],
    });
  });
});
