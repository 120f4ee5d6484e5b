import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { run } from '../../run.ts';
import { type InstalledCli, WAIT } from '../installed-cli.ts';
import { recordingTerminal } from '../recording-terminal.ts';

/** Tests with an installation. */
export function describeEdges(cli: InstalledCli): void {
  describe('edges', () => {
    it('are both there', async () => {
      const { out } = await cli.holdfast('edges');
      for (const url of cli.installation().edgeUrls) expect(out.join('\n')).toContain(url);
    });

    it('are not shown to a key that is not known', async () => {
      const refused = await cli.holdfast('edges', '--key', 'no.key', '--json');
      expect(refused).toMatchObject({ exitCode: 1, out: [] });
      expect(JSON.parse(refused.err.join(''))).toMatchObject({ error: { code: 'key-unknown', status: 403 } });
    });
  });

  async function edgeIds(): Promise<string[]> {
    const { edges } = (await cli.answerOf('edges')) as { edges: { id: string }[] };
    return edges.map(({ id }) => id);
  }

  describe('edge drain and undrain', () => {
    it('empty an edge and fill it again', async () => {
      const [id = ''] = await edgeIds();
      expect(await cli.answerOf('edge', 'drain', id)).toEqual({ id, draining: true });
      const line = async () => (await cli.holdfast('edges')).out.find((text) => text.startsWith(id)) ?? '';
      await vi.waitFor(async () => expect(await line()).toContain('draining'), WAIT);
      expect((await cli.holdfast('edge', 'undrain', id)).out).toEqual([`Edge ${id} takes connections again.`]);
      await vi.waitFor(async () => expect(await line()).toContain('serving'), WAIT);
    });

    it('take the beginning of an id, and the URL', async () => {
      const [id = '', other = ''] = await edgeIds();
      const length = id.split('').findIndex((character, index) => character !== other[index]) + 1;
      expect(await cli.answerOf('edge', 'undrain', id.slice(0, length))).toMatchObject({ id });
      const { edges } = (await cli.answerOf('edges')) as { edges: { id: string; url: string }[] };
      expect(await cli.answerOf('edge', 'undrain', edges.find((edge) => edge.id === other)?.url ?? '')).toMatchObject({
        id: other,
      });
    });

    it('say that there is no such edge, and which there are', async () => {
      const refused = await cli.holdfast('edge', 'drain', 'no-such-edge', '--json');
      expect(refused.exitCode).toBe(1);
      const { error } = JSON.parse(refused.err.join('')) as { error: { code: string; detail: string } };
      expect(error.code).toBe('no-such-name');
      for (const id of await edgeIds()) expect(error.detail).toContain(id);
    });
  });

  describe('capacity', () => {
    it('shows what is used, what is used up first, and what more fits in', async () => {
      expect(await cli.answerOf('capacity')).toMatchObject({
        edges: [{}, {}],
        headRoom: { connections: expect.any(Number) },
      });
      const text = (await cli.holdfast('capacity')).out.join('\n');
      expect(text).toMatch(/^0 of [\d,]+ connections on 2 edges/);
      expect(text).toMatch(/memory of the fullest Redis +no maxmemory is set/);
      expect(text).toMatch(/First to run out: |Nothing is used yet/);
      expect(text).toMatch(/connections +[\d,]+\nregistered clients +not known: no maxmemory is set/);
    });
  });

  describe('--control', () => {
    it('at an edge says that it is one, and where control-api is', async () => {
      const [edgeUrl = ''] = cli.installation().edgeUrls;
      const url = edgeUrl.replace('ws:', 'http:');
      for (const args of [['edges'], ['topic', 'list'], ['publish', 'a', '1']]) {
        const refused = await cli.holdfast(...args, '--control', url);
        expect(refused).toMatchObject({ exitCode: 2, out: [] });
        expect(refused.err.join('')).toContain(`${url} is an edge, where clients connect.`);
      }
      const { controlUrl, key, keysFile, edgeUrls } = cli.installation();
      const installation = { controlUrl, key, keysFile, edgeUrls: [...edgeUrls], pid: process.pid };
      const terminal = recordingTerminal({ installation: () => Promise.resolve(installation) });
      expect(await run(['edges', '--control', url, '--json'], terminal)).toBe(2);
      expect(JSON.parse(terminal.errLines.join(''))).toMatchObject({
        error: { code: 'control-is-edge', detail: expect.stringContaining(`the one of npm start is at ${controlUrl}`) },
      });
    });
  });

  describe('completion', () => {
    it('knows the names of topics, clients and edges', async () => {
      await cli.answerOf('topic', 'create', 'tab.one');
      await cli.answerOf('topic', 'create', 'tab.two');
      await cli.answerOf('register', '--name', 'tabbed');
      const words = async (...line: string[]) =>
        (await cli.holdfast('complete', '--', ...line)).out.map((text) => text.split('\t')[0]);
      expect(await words('publish', 'tab.')).toEqual(['tab.one', 'tab.two']);
      expect(await words('subscribe', 'tabbed', 'tab.one,tab.t')).toEqual(['tab.one,tab.two']);
      expect(await words('register', '--topics=tab.o')).toEqual(['--topics=tab.one']);
      expect(await words('disconnect', 'tabb')).toEqual(['tabbed']);
      expect(new Set(await words('edge', 'drain', ''))).toEqual(new Set(await edgeIds()));
      expect(await words('publish', '--key', 'no.key', 'tab.')).toEqual([]);
    });
  });

  describe('doctor', () => {
    it('finds both edges reachable, and shows what is not well with what to do', async () => {
      const { out } = await cli.holdfast('doctor', '--json');
      const report = JSON.parse(out.join('')) as { checks: { id: string; status: string; where: string }[] };
      const reachable = report.checks.filter(({ id }) => id === 'edge-reachable');
      expect(reachable).toMatchObject([{ status: 'ok' }]);
      for (const url of cli.installation().edgeUrls) expect(reachable[0]?.where).toContain(url.replace('http', 'ws'));
      expect(report.checks.filter(({ status }) => status === 'fail')).toEqual([]);
      const text = await cli.holdfast('doctor');
      expect(text.exitCode).toBe(0);
      expect(text.out.at(-1)).toMatch(/^\d+ well, \d+ to look at, 0 to mend\.$/);
      expect(text.out.join('\n')).toContain('--balancer 70s');
    });

    it('exits with 1 when a check fails', async () => {
      const ids = await edgeIds();
      onTestFinished(async () => {
        for (const id of ids) await cli.answerOf('edge', 'undrain', id);
        await vi.waitFor(async () => expect((await cli.holdfast('edges')).out.join()).not.toContain('draining'), WAIT);
      });
      for (const id of ids) await cli.answerOf('edge', 'drain', id);
      await vi.waitFor(async () => {
        const { exitCode, err, out } = await cli.holdfast('doctor');
        expect(exitCode).toBe(1);
        expect(err.join('')).toBe('1 check fails');
        expect(out.join('\n')).toMatch(/fail +edges\n +2 alive, 2 of them draining\n +Why: .*\n +Do: .*undrain/);
      }, WAIT);
    });
  });
}
