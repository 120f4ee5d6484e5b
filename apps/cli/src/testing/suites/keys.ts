import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { run } from '../../run.ts';
import { type InstalledCli, WAIT } from '../installed-cli.ts';
import { recordingTerminal } from '../recording-terminal.ts';

/** Tests with an installation. */
export function describeKeys(cli: InstalledCli): void {
  describe('token', () => {
    it('registers the client of its user, as soon as control-api has read the keys file', async () => {
      await cli.answerOf('topic', 'create', 'cli.token');
      const keyFile = join(cli.directory(), 'web.jwk.json');
      const rights = ['--subscribe', 'cli.*', '--file', cli.installation().keysFile, '--tokens', '--key-file', keyFile];
      await cli.answerOf('key', 'create', '--id', 'web', ...rights);
      const minted = await cli.answerOf(
        'token',
        '--key-file',
        keyFile,
        '--sub',
        'ann',
        '--topics',
        'cli.token',
        '--ttl',
        '1h',
      );
      const register = () =>
        fetch(`${cli.installation().controlUrl}/v1/clients`, {
          method: 'POST',
          headers: { authorization: `Bearer ${String(minted['token'])}` },
        });
      await vi.waitUntil(async () => (await register()).ok, WAIT);
      const { expiresAt } = minted;
      expect(await (await register()).json()).toMatchObject({ name: 'ann', topics: ['cli.token'], expiresAt });
    });
  });

  describe('key revoke --clients', () => {
    it('takes the key out of the file and unregisters its clients, and those of no other key', async () => {
      const other = await cli.answerOf('register', '--name', 'of-another-key');
      const made = await cli.answerOf(
        'key',
        'create',
        '--id',
        'leaked',
        '--register',
        '--file',
        cli.installation().keysFile,
      );
      const key = String(made['key']);
      await vi.waitUntil(async () => (await cli.holdfast('register', '--key', key)).exitCode === 0, WAIT);
      for (let number = 0; number < 20; number++) await cli.answerOf('register', '--key', key);

      const own = await cli.holdfast(
        'key',
        'revoke',
        'leaked',
        '--clients',
        '--key',
        key,
        '--file',
        cli.installation().keysFile,
        '--control',
        cli.installation().controlUrl,
      );
      expect(own).toMatchObject({ exitCode: 2, out: [] });
      const revoked = await cli.answerOf(
        'key',
        'revoke',
        '--id',
        'leaked',
        '--clients',
        '--file',
        cli.installation().keysFile,
        '--control',
        cli.installation().controlUrl,
      );
      expect(revoked).toMatchObject({ id: 'leaked', clients: 21 });
      const { clients } = await cli.answerOf('clients', '--all');
      expect(clients).not.toContainEqual(expect.objectContaining({ key: 'leaked' }));
      expect(clients).toContainEqual(expect.objectContaining({ clientId: other['clientId'] }));
      expect((await cli.holdfast('register', '--key', key)).exitCode).toBe(1);
    }, 30_000);
  });

  describe('keys', () => {
    it('are listed without secrets', async () => {
      const { out, exitCode } = await cli.holdfast('keys');
      expect(exitCode).toBe(0);
      expect(out[0]).toMatch(/^KEY +MAY/);
      expect(out.join('\n')).toContain(cli.installation().key.split('.')[0]);
      expect(out.join('\n')).not.toContain(cli.installation().key.split('.')[1]);
    });
  });

  describe('with the keys file of the npm start that runs', () => {
    it('a new key is known once it is printed, and key list shows what it has', async () => {
      const { out } = await started(cli, 'key', 'create', '--id', 'fresh', '--register', '--json');
      const { key } = JSON.parse(out.join('')) as { key: string };
      await cli.answerOf('register', '--key', key);
      const rows = (await started(cli, 'key', 'list')).out;
      expect(rows[0]).toMatch(/^KEY +MAY +CLIENTS +LAST USED +EXPIRES$/);
      expect(rows.find((row) => row.startsWith('fresh'))).toMatch(/^fresh +register +1 +\d{4}-.*Z +never$/);
    });

    it('revoke says how many clients stay, and --clients unregisters them also afterwards', async () => {
      const revoked = await started(cli, 'key', 'revoke', 'fresh');
      expect(revoked.out.at(-1)).toBe(
        'Its one client stays registered and connected: "npx holdfast key revoke fresh --clients" unregisters it.',
      );
      const late = await started(cli, 'key', 'revoke', 'fresh', '--clients', '--json');
      expect(JSON.parse(late.out.join(''))).toMatchObject({ id: 'fresh', clients: 1, remaining: 0 });
      const unknown = await started(cli, 'key', 'revoke', 'fresh', '--clients');
      expect(unknown).toMatchObject({ exitCode: 1, out: [] });
      expect(unknown.err[0]).toContain('There is no key "fresh"');
    });
  });
}

/** Runs a command where the installation is that of npm start. */
async function started(cli: InstalledCli, ...args: string[]) {
  const { controlUrl, key, keysFile, edgeUrls } = cli.installation();
  const installation = { controlUrl, key, keysFile, edgeUrls: [...edgeUrls], pid: process.pid };
  const terminal = recordingTerminal({ installation: () => Promise.resolve(installation) });
  return { exitCode: await run(args, terminal), out: terminal.outLines, err: terminal.errLines };
}
