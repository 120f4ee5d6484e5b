import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { type InstalledCli, WAIT, dataOf } from '../installed-cli.ts';

/** Tests with an installation. */
export function describeClients(cli: InstalledCli): void {
  describe('explain', () => {
    it('shows the verdict and what it rests on, for a client named as anywhere', async () => {
      await cli.answerOf('topic', 'create', 'cli.explain');
      await cli.answerOf('register', '--name', 'explained', '--topics', 'cli.explain');
      const id = String((await cli.answerOf('publish', 'cli.explain', '1'))['id']);
      const { exitCode, out } = await cli.holdfast('explain', 'explained', 'cli.explain', id);
      expect({ exitCode, verdict: out[0] }).toEqual({ exitCode: 0, verdict: 'offline-will-resume' });
      expect(out.join('\n')).toMatch(/AT +FROM +WHAT\n.* log +The message .* was published then/);
      expect(await cli.answerOf('explain', 'explained', 'cli.explain', id)).toMatchObject({
        verdict: 'offline-will-resume',
      });
      expect((await cli.holdfast('explain', 'explained', 'cli.none', id)).err.join('\n')).toContain(
        'topic-not-found (404)',
      );
    });
  });

  describe('clients', () => {
    it('are registered, subscribed, shown, unsubscribed and unregistered', async () => {
      await cli.answerOf('topic', 'create', 'cli.clients');
      const { clientId } = await cli.answerOf('register', '--name', 'shown');
      const id = String(clientId);
      expect(await cli.answerOf('subscribe', id, 'cli.clients')).toMatchObject({
        topics: ['cli.clients'],
        connected: false,
      });
      expect((await cli.holdfast('clients', '--all')).out.join('\n')).toMatch(
        new RegExp(`${id} +shown .*cli\\.clients`),
      );
      expect((await cli.holdfast('client', id)).out).toContain('Topics      cli.clients');
      expect(await cli.answerOf('unsubscribe', id, 'cli.clients')).toMatchObject({ topics: [] });
      expect(await cli.answerOf('unregister', id)).toEqual({ clientId: id });
      expect(await cli.holdfast('client', id)).toMatchObject({ exitCode: 1, out: [] });
    });

    it('are found by name wherever an id is taken', async () => {
      await cli.answerOf('topic', 'create', 'cli.names');
      const { clientId } = await cli.answerOf('register', '--name', 'Ann’s phone');
      // What this command line remembers is not needed.
      await rm(join(cli.directory(), 'clients'), { recursive: true });
      expect(await cli.answerOf('subscribe', 'Ann’s phone', 'cli.names')).toMatchObject({
        clientId,
        topics: ['cli.names'],
      });
      expect(await cli.answerOf('unsubscribe', 'Ann’s phone', 'cli.names')).toMatchObject({ topics: [] });
      expect(await cli.answerOf('client', 'Ann’s phone')).toMatchObject({ clientId });
      expect(await cli.answerOf('publish', '--client', 'Ann’s phone', '1')).toMatchObject({ topic: '@me' });
      const { stop, err } = await cli.listening('Ann’s phone');
      expect(await stop()).toBe(0);
      expect(err.join('\n')).toContain('receiving');
      expect(await cli.answerOf('unregister', 'Ann’s phone')).toMatchObject({ clientId });
      const gone = await cli.holdfast('client', 'Ann’s phone');
      expect(gone).toMatchObject({ exitCode: 1, out: [] });
      expect(gone.err.join('')).toContain('No client is named "Ann’s phone"');
    });

    it('of tokens are shown and unregistered by name after their authorization has ended', async () => {
      const keyFile = join(cli.directory(), 'managing.jwk.json');
      const rights = ['--manage', 'cli.**', '--tokens', '--key-file', keyFile, '--file', cli.installation().keysFile];
      const key = String((await cli.answerOf('key', 'create', '--id', 'managing', ...rights))['key']);
      const token = (await cli.holdfast('token', '--key-file', keyFile, '--sub', 'ended')).out.join('');
      await vi.waitUntil(async () => {
        const headers = { authorization: `Bearer ${token}` };
        return (await fetch(`${cli.installation().controlUrl}/v1/clients`, { method: 'POST', headers })).ok;
      }, WAIT);
      const { clientId } = await cli.answerOf('client', 'ended', '--key', key);
      await cli.answerOf('user', 'revoke', 'ended');
      expect((await cli.holdfast('client', String(clientId))).err.join('')).toContain('token-revoked');
      expect(await cli.answerOf('client', 'ended', '--key', key)).toMatchObject({ clientId, name: 'ended' });
      expect(await cli.answerOf('unregister', 'ended', '--key', key)).toMatchObject({ clientId });
      expect((await cli.holdfast('client', 'ended', '--key', key)).err.join('')).toContain('No client of this API key');
    });

    it('are found by a name that is remembered, for a key that may not look at clients', async () => {
      const made = await cli.answerOf(
        'key',
        'create',
        '--id',
        'plain',
        '--register',
        '--file',
        cli.installation().keysFile,
      );
      const key = String(made['key']);
      await vi.waitUntil(async () => (await cli.holdfast('register', '--key', key)).exitCode === 0, WAIT);
      const { clientId } = await cli.answerOf('register', '--name', 'kept', '--key', key);
      expect(await cli.answerOf('client', 'kept', '--key', key)).toMatchObject({ clientId });
      expect((await cli.holdfast('client', 'not kept', '--key', key)).exitCode).toBe(1);
    });

    it('are listed to the limit, and it says that there are more', async () => {
      for (let number = 0; number < 3; number++) await cli.answerOf('register');
      const { out } = await cli.holdfast('clients', '--limit', '2');
      expect(out).toHaveLength(4);
      expect(out.at(-1)).toContain('--all');
    });
  });

  describe('a name', () => {
    it('of a client of another key is found by a key that manages all, and listed when there are several', async () => {
      const keys = await Promise.all(
        ['one', 'two'].map(async (id) => {
          const made = await cli.answerOf(
            'key',
            'create',
            '--id',
            id,
            '--register',
            '--manage',
            'x',
            '--file',
            cli.installation().keysFile,
          );
          return String(made['key']);
        }),
      );
      const [one = '', two = ''] = keys;
      await vi.waitUntil(async () => (await cli.holdfast('clients', '--key', two)).exitCode === 0, WAIT);
      await cli.answerOf('register', '--name', 'twin', '--key', one);
      const { key, ref } = await cli.answerOf('client', 'twin');
      expect(key).toBe('one');
      await cli.answerOf('register', '--name', 'twin', '--key', two);
      const ambiguous = await cli.holdfast('client', 'twin');
      expect(ambiguous).toMatchObject({ exitCode: 1, out: [] });
      expect(ambiguous.err[0]).toBe('"twin" may be any of 2:');
      expect(ambiguous.err.join('\n')).toMatch(/REF +KEY +NAME[^]* twin [^]* twin [^]*Name it by its ref\./);
      expect(await cli.answerOf('client', 'twin', '--key', one)).toMatchObject({ key: 'one', ref });
      expect(await cli.answerOf('disconnect', String(ref))).toMatchObject({ ref, connected: false });
      const connecting = await cli.holdfast('listen', String(ref));
      expect(connecting).toMatchObject({ exitCode: 1, out: [] });
      expect(connecting.err.join('')).toContain('its UUID is needed');
    });
  });

  describe('disconnect', () => {
    it('closes the connection of a client by its name, which stays registered and does not come back', async () => {
      const { clientId, ref } = await cli.answerOf(
        'client',
        String((await cli.answerOf('register', '--name', 'cut'))['clientId']),
      );
      const { ended, err } = await cli.listening(String(ref));
      expect(await cli.answerOf('disconnect', 'cut')).toMatchObject({ clientId, connected: true });
      expect(await ended).toBe(1);
      expect(err.join('\n')).toContain('An operator disconnected this client');
      await vi.waitUntil(async () => (await cli.answerOf('client', 'cut'))['connected'] === false, WAIT);
      expect((await cli.holdfast('disconnect', 'cut')).out).toEqual([
        'cut has no connection; the client stays registered.',
      ]);
    });
  });

  describe('users', () => {
    it('are shown, published to, disconnected, and their tokens revoked', async () => {
      const { clientId } = await cli.answerOf(
        'register',
        '--name',
        'of-ann',
        '--user',
        'anna',
        '--info',
        '{"name":"Ann"}',
      );
      expect((await cli.holdfast('client', String(clientId))).out).toEqual(
        expect.arrayContaining(['User        anna', 'Info        {"name":"Ann"}']),
      );
      expect(await cli.answerOf('clients', '--user', 'anna')).toMatchObject({ clients: [{ clientId, user: 'anna' }] });
      expect(await cli.answerOf('user', 'anna')).toMatchObject({
        user: 'anna',
        connected: false,
        clients: 1,
        connections: 0,
      });
      const { out, ended } = await cli.listening('of-ann');
      await vi.waitUntil(async () => (await cli.answerOf('user', 'show', 'anna'))['connected'] === true, WAIT);
      expect(await cli.answerOf('user', 'publish', 'anna', '{"mail":1}')).toMatchObject({ topic: '@user' });
      await vi.waitFor(() => expect(dataOf(out)).toEqual(['{"mail":1}']), WAIT);
      expect(await cli.answerOf('user', 'revoke', 'anna', '--issued-before', '2020-01-01')).toMatchObject({
        clients: 0,
      });
      expect(await cli.answerOf('user', 'disconnect', 'anna')).toMatchObject({ connections: 1 });
      expect(await ended).toBe(1);
      expect((await cli.holdfast('user', 'publish', 'stranger', '1')).err.join('')).toContain('no-such-user (404)');
    });

    it('are named in usage', async () => {
      for (const args of [
        ['user'],
        ['user', 'revoke', 'ann', '--issued-before', 'soon'],
        ['register', '--info', '{'],
      ]) {
        expect((await cli.holdfast(...args)).exitCode).toBe(2);
      }
    });
  });
}
