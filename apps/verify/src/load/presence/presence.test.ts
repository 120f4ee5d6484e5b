import { EventEmitter } from 'node:events';
import pc from 'picocolors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { load } from '../load.ts';
import { ScriptedInstallation } from '../../testing/scripted-installation.ts';
import type { PresenceReport } from './report.ts';

const MEMBERS = 6;

let installation: ScriptedInstallation;
let infos: Map<string, unknown>;
let topic: string;
let countOf: (present: number) => number;
let afterSnapshot: string[];
let version: number;
let watchers: number;

beforeEach(async () => {
  EventEmitter.defaultMaxListeners = 50;
  installation = await ScriptedInstallation.start();
  infos = new Map();
  [version, watchers, afterSnapshot, countOf] = [100, 0, [], (present) => present];
  installation.answer = ({ method, path, body }) => {
    if (method === 'POST' && path === '/v1/clients') {
      const { clientId, info, topics } = body as { clientId: string; info: unknown; topics: string[] };
      infos.set(clientId, info);
      topic = topics[0] ?? '';
    }
    if (path.includes('/presence')) return { status: 200, body: { count: countOf(installation.connections.length) } };
    return path.startsWith('/v1/topics/') ? { status: 200, body: {} } : undefined;
  };
  installation.onWelcomed = ({ socket, watches }) => {
    watchers += watches ? 1 : 0;
    socket.on('close', sendAll);
    sendAll();
    // Once all are there, and none has left.
    if (installation.connections.length === MEMBERS && version < 200) {
      version = 200;
      for (const frame of afterSnapshot) sendToWatchers(frame);
    }
  };
});

afterEach(() => installation.stop());

function sendToWatchers(rest: string): void {
  for (const { socket, watches } of installation.connections) {
    if (watches) socket.send(`{"type":"presence","topic":"${topic}",${rest}}`);
  }
}

/** All members, to all that watch. */
function sendAll(): void {
  version += 1;
  const members = installation.connections.map(({ clientId }) => ({ id: `~${clientId}`, info: infos.get(clientId) }));
  sendToWatchers(`"version":${version},"count":${members.length},"members":${JSON.stringify(members)},"more":false`);
}

async function run(): Promise<{ code: number; report: PresenceReport }> {
  let printed = '';
  const args = ['--presence', '--clients', String(MEMBERS), '--watchers', '2', '--churn', '4', '--seconds', '1'];
  const code = await load([...args, '--json', '--control', installation.controlUrl, '--key', 'a.b'], {
    bounds: { descriptors: 20_000, cores: 2 },
    print: (text) => (printed += text),
    colors: pc.createColors(false),
    display: { log: (line) => (printed += line), begin: () => {}, update: () => {}, end: () => {} },
    signal: new AbortController().signal,
  });
  return { code, report: JSON.parse(printed) as PresenceReport };
}

describe('the exit code is', () => {
  it('0 when the watchers see who is there, which only they asked for', async () => {
    const { code, report } = await run();
    expect({ code, samples: report.samples, watchers }).toEqual({ code: 0, samples: [], watchers: 2 });
    expect(report.members).toEqual({ present: MEMBERS - 2, countByRest: MEMBERS - 2 });
  });

  it('1 when one was shown what cannot be, and the report says to whom and what', async () => {
    afterSnapshot = ['"version":108,"count":6,"joined":[],"left":["~unknown"]'];
    const { code, report } = await run();
    expect({ code, ok: report.ok, faults: report.faults.gap + report.faults.leftTwice }).toMatchObject({
      code: 1,
      ok: false,
    });
    expect(report.samples[0]).toMatchObject({ watcher: expect.any(Number), detail: expect.any(String) });
  });

  it('1 when the API counts others', async () => {
    countOf = (present) => present + 1;
    const { code, report } = await run();
    expect({ code, members: report.members }).toEqual({
      code: 1,
      members: { present: MEMBERS - 2, countByRest: MEMBERS - 1 },
    });
  });
});
