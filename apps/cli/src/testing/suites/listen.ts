import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { run } from '../../run.ts';
import { type InstalledCli, WAIT, dataOf } from '../installed-cli.ts';

/** Tests with an installation. */
export function describeListen(cli: InstalledCli): void {
  describe('listen', () => {
    it('registers, shows what is published by argument, input and to the client, and finds its client again', async () => {
      await cli.answerOf('topic', 'create', 'cli.listen');
      const first = await cli.listening('--register', 'again', '--topics', 'cli.listen');
      expect((await cli.holdfast('publish', 'cli.listen', '{"n":1}')).exitCode).toBe(0);
      expect(await run(['publish', 'cli.listen', '--text'], cli.terminalFor(undefined, 'two\n'))).toBe(0);
      const id = /client (\S+)/.exec(first.err.join('\n'))?.[1] ?? '';
      expect(await cli.answerOf('publish', '--client', id, '[3]')).toMatchObject({ topic: '@me' });
      await vi.waitFor(() => expect(dataOf(first.out).toSorted()).toEqual(['"two"', '[3]', '{"n":1}']), WAIT);
      expect(await first.stop()).toBe(0);

      const second = await cli.listening('--register', 'again', '--topics', 'cli.listen');
      expect(second.err.join('\n')).toContain(id);
      expect(await second.stop()).toBe(0);
    });

    it('says clearly that a name is taken by a client that it does not know', async () => {
      await cli.answerOf('register', '--name', 'taken');
      await rm(join(cli.directory(), 'clients'), { recursive: true });
      const { exitCode, err } = await cli.holdfast('listen', '--register', 'taken');
      expect(exitCode).toBe(1);
      expect(err.join('\n')).toContain('"taken" is registered already');
    });

    it('prints how to create a topic that does not exist, and registers no client', async () => {
      const { exitCode, err } = await cli.holdfast('listen', '--register', 'early', '--topics', 'cli.missing');
      expect(exitCode).toBe(1);
      expect(err.join('\n')).toContain('npx holdfast topic create cli.missing');
      expect((await cli.holdfast('clients', '--all')).out.join('\n')).not.toContain('early');
    });

    it('--token registers by the token alone, and ends with 1 when it is refused', async () => {
      await cli.answerOf('topic', 'create', 'cli.token');
      const keyFile = join(cli.directory(), 'browsers.jwk.json');
      const rights = ['--subscribe', 'cli.token', '--tokens', '--key-file', keyFile];
      await cli.answerOf('key', 'create', '--id', 'browsers', ...rights, '--file', cli.installation().keysFile);
      const minted = await cli.holdfast('token', '--key-file', keyFile, '--sub', 'eve', '--topics', 'cli.token');
      const token = minted.out.join('').trim();
      await vi.waitUntil(async () => {
        const headers = { authorization: `Bearer ${token}` };
        return (await fetch(`${cli.installation().controlUrl}/v1/clients`, { method: 'POST', headers })).ok;
      }, WAIT);
      const { out, stop } = await cli.listening('--token', token);
      await cli.answerOf('publish', 'cli.token', '"for eve"');
      await vi.waitFor(() => expect(dataOf(out)).toEqual(['"for eve"']), WAIT);
      expect(await stop()).toBe(0);
      await cli.answerOf('user', 'revoke', 'eve', '--issued-before', new Date(Date.now() + 5000).toISOString());
      const refused = await cli.holdfast('listen', '--token', token);
      expect(refused.exitCode).toBe(1);
      expect(refused.err.join('\n')).toMatch(/The token is refused: .*revoked/);
      expect((await cli.holdfast('listen', '--token', token, '--register', 'me')).exitCode).toBe(2);
    });

    it('--once leaves no client behind', async () => {
      const { stop } = await cli.listening('--register', 'once', '--once');
      expect((await cli.holdfast('clients', '--all')).out.join('\n')).toContain('once');
      expect(await stop()).toBe(0);
      expect((await cli.holdfast('clients', '--all')).out.join('\n')).not.toContain('once');
    });

    it('--json passes the frames on as they are', async () => {
      await cli.answerOf('topic', 'create', 'cli.raw');
      const interruption = new AbortController();
      const terminal = cli.terminalFor(interruption.signal);
      const ended = run(['listen', '--register', '--topics', 'cli.raw', '--json'], terminal);
      await vi.waitFor(() => expect(terminal.outLines[0]).toContain('"welcome"'), WAIT);
      await cli.answerOf('publish', 'cli.raw', '{"big": 12345678901234567890}');
      await vi.waitFor(() => expect(terminal.outLines[1]).toContain('"data":{"big": 12345678901234567890}}'), WAIT);
      interruption.abort();
      expect(await ended).toBe(0);
    });

    it('ends with 1 and says why when its client is unregistered', async () => {
      const { clientId } = await cli.answerOf('register', '--name', 'leaving');
      const id = String(clientId);
      const { err, ended } = await cli.listening(id);
      await cli.answerOf('unregister', id);
      expect(await ended).toBe(1);
      expect(err.join('\n')).toContain(`Client ${id} is not registered any more`);
      expect(await cli.holdfast('listen', id)).toMatchObject({ exitCode: 1, out: [] });
    });

    it('misses nothing when its edge is killed', async () => {
      await cli.answerOf('topic', 'create', 'cli.killed');
      const { out, err, stop } = await cli.listening('--register', 'survivor', '--topics', 'cli.killed');
      await cli.answerOf('publish', 'cli.killed', '1');
      await vi.waitFor(() => expect(dataOf(out)).toEqual(['1']), WAIT);
      const edge = cli
        .installation()
        .edges.find(({ url }) => err.join('\n').includes(`connected to ${url.replace('http', 'ws')}`));
      edge?.kill('SIGKILL');
      await edge?.exited;
      for (const text of ['2', '3', '4']) await cli.answerOf('publish', 'cli.killed', text);
      await vi.waitFor(() => expect(dataOf(out)).toEqual(['1', '2', '3', '4']), WAIT);
      expect(err.join('\n')).toContain('reconnecting');
      expect(await stop()).toBe(0);
    });
  });
}
