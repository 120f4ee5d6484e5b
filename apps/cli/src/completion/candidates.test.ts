import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { buildProgram, run } from '../run.ts';
import { recordingTerminal } from '../testing/recording-terminal.ts';
import { candidatesFor } from './candidates.ts';
import type { Place } from './line.ts';
import type { Values } from './values.ts';

const program = buildProgram(recordingTerminal());

function named(...words: string[]) {
  return () => Promise.resolve(words.map((word) => ({ word, about: '' })));
}

/** What there is, and what it was asked by. */
function valuesOf(asked: Place[] = []) {
  return (place: Place): Values => {
    asked.push(place);
    const topics = named('news.sport', 'news.weather', 'chat');
    return {
      topic: topics,
      topics,
      client: named('phone', 'pad'),
      edge: named('1f2e', '77aa'),
      'key-id': named('mobile'),
    };
  };
}

async function typed(...line: string[]): Promise<string[] | string> {
  const found = await candidatesFor(program, line, valuesOf());
  return typeof found === 'string' ? found : found.map(({ word }) => word);
}

describe('what may stand at the cursor', () => {
  it('is a command, with its description', async () => {
    const found = await candidatesFor(program, ['ed'], valuesOf());
    expect(found).toEqual([{ word: 'edges', about: 'list the live edges' }, expect.objectContaining({ word: 'edge' })]);
    expect(await typed('topic', '')).toEqual(['create', 'list', 'show', 'delete', 'help']);
    expect(await typed('--json', 'key', 'rev')).toEqual(['revoke']);
    expect(await typed('')).not.toContain('complete');
  });

  it('is an option of the command, or of every command', async () => {
    expect(await typed('history', 'chat', '--')).toEqual([
      '--after',
      '--limit',
      '--help',
      '--control',
      '--key',
      '--json',
      '--version',
    ]);
    expect(await typed('topic', 'create', '--history-')).toEqual(['--history-size', '--history-seconds']);
    expect(await typed('publish', 'chat', '--', '--')).toEqual([]);
  });

  it('is a choice of an option, apart from it or joined to it', async () => {
    expect(await typed('topic', 'create', 'chat', '--presence', '')).toEqual(['user', 'client', 'none']);
    expect(await typed('topic', 'create', 'chat', '--presence=c')).toEqual(['--presence=client']);
    expect(await typed('key', 'create', '--tokens', '')).toEqual(['ES256', 'RS256', 'EdDSA', 'HS256']);
    expect(await typed('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  it('is a file where a path is meant', async () => {
    expect(await typed('key', 'list', '--file', 'a')).toBe('files');
    expect(await typed('init', '')).toBe('files');
  });

  it('is a name of what there is', async () => {
    expect(await typed('publish', 'news')).toEqual(['news.sport', 'news.weather']);
    expect(await typed('subscribe', 'p')).toEqual(['phone', 'pad']);
    expect(await typed('subscribe', 'phone', 'chat', 'n')).toEqual(['news.sport', 'news.weather']);
    expect(await typed('subscribe', 'phone', 'chat,news.s')).toEqual(['chat,news.sport']);
    expect(await typed('listen', '--register', 'me', '--topics=ch')).toEqual(['--topics=chat']);
    expect(await typed('explain', 'phone', 'ch')).toEqual(['chat']);
    expect(await typed('edge', 'drain', '7')).toEqual(['77aa']);
    expect(await typed('key', 'revoke', '')).toEqual(['mobile']);
    expect(await typed('key', 'revoke', '--id', 'm')).toEqual(['mobile']);
  });

  it('is no name that a shell may read as more than a name, and none that is an option', async () => {
    const names = [
      "'é;touch pwn1;#",
      'a\\x:y',
      '--control=http://evil',
      '-x',
      '~root',
      'a b',
      '$(id)',
      'a\nb',
      'a=b',
      'a,b',
      'é',
    ];
    const plain = ['a:y', 'ann@example.com', 'a_b.c+d~e-f'];
    const values = (place: Place) => ({ ...valuesOf()(place), client: named(...names, ...plain) });
    for (const typedName of ['', "'", '-', 'a']) {
      const found = await candidatesFor(program, ['disconnect', '--', typedName], values);
      expect(found).toEqual(typedName === '' || typedName === 'a' ? plain.map((word) => ({ word, about: '' })) : []);
    }
    expect(await typed('subscribe', 'phone', 'chat;id,n')).toEqual([]);
  });

  it('is nothing where anything may be written', async () => {
    expect(await typed('history', 'chat', '--limit', '')).toEqual([]);
    expect(await typed('publish', 'chat', '{"a"')).toEqual([]);
    expect(await typed('--control', '')).toEqual([]);
    expect(await typed('nonsense', 'x', 'y')).toEqual([]);
  });

  it('depends on the installation and the file that the line names', async () => {
    const asked: Place[] = [];
    await candidatesFor(program, ['--control=http://a', 'key', 'revoke', '--file', 'f', ''], valuesOf(asked));
    expect([...(asked[0]?.given ?? [])]).toEqual([
      ['--control', 'http://a'],
      ['--file', 'f'],
    ]);
  });
});

describe('with no installation', () => {
  it('names are not known, without a word', async () => {
    for (const line of [
      ['publish', ''],
      ['edge', 'drain', ''],
      ['subscribe', ''],
      ['publish', '--control', 'http://127.0.0.1:9', ''],
    ]) {
      const terminal = recordingTerminal();
      expect(await run(['complete', '--', ...line], terminal)).toBe(0);
      expect({ out: terminal.outLines, err: terminal.errLines }).toEqual({ out: [], err: [] });
    }
  });
});

describe('a line that names a control-api', () => {
  it('gets a key to it that is in the line, and no other', async () => {
    const keys: unknown[] = [];
    await using server = createServer((request, response) => {
      keys.push(request.headers['x-api-key']);
      const client = { clientId: '0', name: 'phone', connected: true };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ clients: [client], cursor: null }));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const controlUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const installation = async () => ({
      controlUrl,
      edgeUrls: [],
      key: 'dev.state',
      keysFile: '/nowhere',
      pid: process.pid,
    });
    const wordsOf = async (environment: Record<string, string>, ...line: string[]) => {
      const terminal = recordingTerminal({ environment, installation });
      expect(await run(['complete', '--', ...line], terminal)).toBe(0);
      return terminal.outLines;
    };
    const mine = { HOLDFAST_KEY: 'mine.secret' };
    for (const options of [
      [`--control=${controlUrl}`],
      ['--control', controlUrl],
      ['--key', '-', '--control', controlUrl],
    ]) {
      expect(await wordsOf(mine, ...options, 'disconnect', '')).toEqual([]);
      expect(await wordsOf({}, 'disconnect', ...options, '')).toEqual([]);
    }
    expect(keys).toEqual([]);
    const found = ['phone\tconnected'];
    expect(await wordsOf(mine, '--control', controlUrl, '--key=a.b', 'disconnect', '')).toEqual(found);
    expect(await wordsOf({ ...mine, HOLDFAST_CONTROL_URL: controlUrl }, 'disconnect', '')).toEqual(found);
    expect(await wordsOf({}, 'disconnect', '')).toEqual(found);
    expect(keys).toEqual(['a.b', 'mine.secret', 'dev.state']);
  });
});
