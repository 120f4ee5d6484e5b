import { describe, expect, it } from 'vitest';
import type { InstalledCli } from '../installed-cli.ts';

/** Tests with an installation. */
export function describeTopics(cli: InstalledCli): void {
  describe('topic', () => {
    it('create, list and delete work on what is there', async () => {
      const created = await cli.answerOf('topic', 'create', 'cli.made', '--history-size', '7');
      expect(created).toMatchObject({ topic: 'cli.made', history: { size: 7 } });
      expect((await cli.holdfast('topic', 'list')).out.join('\n')).toMatch(/cli\.made +7 messages/);
      expect(await cli.answerOf('topic', 'delete', 'cli.made')).toEqual({ topic: 'cli.made' });
      const again = await cli.holdfast('topic', 'delete', 'cli.made');
      expect(again).toMatchObject({ exitCode: 1, out: [] });
      expect(again.err.join('\n')).toContain('topic-not-found (404)');
    });
  });

  describe('topic show', () => {
    it('shows settings, position and connected subscribers', async () => {
      await cli.answerOf('topic', 'create', 'cli.shown', '--history-size', '7', '--presence', 'user');
      const { id } = await cli.answerOf('publish', 'cli.shown', '1');
      expect(await cli.answerOf('topic', 'show', 'cli.shown')).toMatchObject({ topic: 'cli.shown', position: id });
      const { out } = await cli.holdfast('topic', 'show', 'cli.shown');
      expect(out).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^Keeps +7 messages/),
          `Position     ${String(id)}`,
          'Present      0',
          'Subscribers  0 connected',
        ]),
      );
      expect(await cli.holdfast('topic', 'show', 'cli.none')).toMatchObject({ exitCode: 1, out: [] });
    });
  });

  describe('history', () => {
    it('shows the messages of a topic from a position on, to the limit, and where it goes on', async () => {
      await cli.answerOf('topic', 'create', 'cli.history', '--history-size', '3');
      expect((await cli.holdfast('history', 'cli.history')).out).toEqual(['There are no messages.']);
      const ids: string[] = [];
      for (const text of ['1', '{"n":2}', '3', '4'])
        ids.push(String((await cli.answerOf('publish', 'cli.history', text))['id']));
      const [gone = '', first = '', second = '', third = ''] = ids;
      expect((await cli.holdfast('history', 'cli.history')).out).toEqual([
        `${first} {"n":2}`,
        `${second} 3`,
        `${third} 4`,
      ]);
      const messages = [{ id: first, data: { n: 2 } }];
      expect(await cli.answerOf('history', 'cli.history', '--limit', '1')).toMatchObject({
        topic: 'cli.history',
        messages,
        more: true,
      });
      expect((await cli.holdfast('history', 'cli.history', '--limit', '1')).out.at(-1)).toBe(
        `There are more: --after ${first} shows them.`,
      );
      expect(await cli.answerOf('history', 'cli.history', '--after', second)).toEqual({
        topic: 'cli.history',
        messages: [{ id: third, data: 4 }],
        complete: true,
        more: false,
      });
      const before = `${String(Number(gone.split('-')[0]) - 1)}-0`;
      expect((await cli.holdfast('history', 'cli.history', '--after', before)).out[0]).toBe(
        'Messages after that one are gone already.',
      );
      expect((await cli.holdfast('history', 'cli.history', '--after', 'x')).exitCode).toBe(2);
    });
  });

  describe('topic create', () => {
    it('sets and takes back when a topic expires, and its presence', async () => {
      const presence = { by: 'client', show: 'count', limit: 9, graceSeconds: 0 };
      const given = ['--presence-show', 'count', '--presence-limit', '9', '--presence-grace', '0'];
      const create = (...options: string[]) => cli.answerOf('topic', 'create', 'cli.room', ...options);
      expect(await create('--expire', '2h', '--presence', 'client', ...given)).toMatchObject({
        expireSeconds: 7200,
        presence,
      });
      expect((await cli.holdfast('topic', 'list')).out.join('\n')).toMatch(
        /cli\.room .*expires after 7200 s, presence by client/,
      );
      expect(await create('--history-size', '7')).toMatchObject({ expireSeconds: 7200, presence });
      expect(await create('--expire', 'never')).toMatchObject({ expireSeconds: null, presence });
      expect(await create('--presence', 'none')).toMatchObject({ presence: null });
      expect(await create('--presence', 'user')).toMatchObject({ presence: { by: 'user', show: 'members' } });
      await cli.answerOf('topic', 'delete', 'cli.room');
    });
  });
}
