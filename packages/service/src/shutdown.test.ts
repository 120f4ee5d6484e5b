import { expect, test } from 'vitest';
import { runScript, type ScriptProcess } from './testing/script-process.ts';

interface Line {
  level: string;
  msg: string;
  step?: string;
  err?: { message: string };
}

/** Starts a process that waits for its end with these steps, and resolves when it listens to signals. */
async function start(steps: string, deadlineMs = 60_000, more = '', options = ''): Promise<ScriptProcess> {
  const script = runScript(
    { createLogger: './logger.ts', onShutdown: './shutdown.ts' },
    `const logger = createLogger({ service: 'test', level: 'info' });
     const say = (text) => process.stdout.write(JSON.stringify({ level: 'test', msg: text }) + '\\n');
     const never = () => new Promise(() => {});
     setInterval(() => {}, 60_000);
     const stop = onShutdown({ logger, deadlineMs: ${deadlineMs}, steps: [${steps}], ${options} });
     ${more}
     say('started');`,
  );
  await expect.poll(() => script.stdout()).toContain('started');
  return script;
}

function lines(script: ScriptProcess): Line[] {
  return script
    .stdout()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

const messages = (script: ScriptProcess): string[] => lines(script).map(({ msg }) => msg);

const TWO_STEPS = `
  { name: 'first', run: async () => { say('first begins'); await new Promise((done) => setImmediate(done)); say('first ends'); } },
  { name: 'second', run: () => say('second') }`;

test.each(['SIGTERM', 'SIGINT'] as const)('on %s the steps run in order and it exits with 0', async (signal) => {
  const script = await start(TWO_STEPS);
  script.kill(signal);
  expect(await script.exited).toBe(0);
  expect(messages(script)).toEqual(['started', 'shutting down', 'first begins', 'first ends', 'second', 'shut down']);
});

test('a step that fails is logged, the others run, and it exits with 1', async () => {
  const script = await start(`{ name: 'bad', run: () => { throw new Error('broken'); } }, ${TWO_STEPS}`);
  script.kill('SIGTERM');
  expect(await script.exited).toBe(1);
  expect(messages(script)).toContain('second');
  expect(lines(script)).toContainEqual(
    expect.objectContaining({
      level: 'error',
      step: 'bad',
      err: expect.objectContaining({ message: 'broken' }) as object,
    }),
  );
});

test('steps that take too long end with the deadline, named, and it exits with 1', async () => {
  const script = await start(`{ name: 'stuck', run: never }`, 50);
  script.kill('SIGTERM');
  expect(await script.exited).toBe(1);
  expect(lines(script).at(-1)).toMatchObject({ level: 'error', msg: 'shutdown took too long', step: 'stuck' });
});

test('a second signal exits with 1 at once', async () => {
  const script = await start(`{ name: 'stuck', run: never }`);
  // Again and again: the first within a moment of each other count as one.
  const again = setInterval(() => script.kill('SIGTERM'), 20);
  expect(await script.exited.finally(() => clearInterval(again))).toBe(1);
  expect(lines(script).at(-1)).toMatchObject({ level: 'warn', msg: 'second signal, exiting at once', step: 'stuck' });
});

test('the echo of a Ctrl-C that npm passes on is not a second signal', async () => {
  const script = await start(
    `{ name: 'echoed', run: async () => {
      // The echo comes at once, however long the machine takes.
      const at = performance.now();
      performance.now = () => at;
      process.kill(process.pid, 'SIGINT');
      await new Promise((done) => process.once('SIGINT', done));
      await new Promise((done) => setImmediate(done));
    } }`,
  );
  script.kill('SIGINT');
  expect(await script.exited).toBe(0);
  expect(messages(script)).toEqual(['started', 'shutting down', 'shut down']);
});

test.each([
  ['before it listens', 'AbortSignal.abort()'],
  ['later', 'AbortSignal.timeout(1)'],
])('aborted %s, it does as after a signal', async (_when, signal) => {
  const script = await start(TWO_STEPS, 60_000, '', `begin: ${signal}`);
  expect(await script.exited).toBe(0);
  expect(messages(script)).toEqual(expect.arrayContaining(['shutting down', 'first ends', 'second', 'shut down']));
});

test('aborted while it handles a signal it goes on, and logs one shutdown', async () => {
  const script = await start(
    `{ name: 'abort', run: () => controller.abort() }, ${TWO_STEPS}`,
    60_000,
    '',
    'begin: (globalThis.controller = new AbortController()).signal',
  );
  script.kill('SIGTERM');
  expect(await script.exited).toBe(0);
  expect(messages(script)).toEqual(['started', 'shutting down', 'first begins', 'first ends', 'second', 'shut down']);
});

test.each([
  ['uncaughtException', `setImmediate(() => { throw new Error('loose'); });`],
  ['unhandledRejection', `void Promise.reject(new Error('loose'));`],
])('an %s is logged as fatal and exits with 1', async (origin, body) => {
  const script = await start('', 60_000, `setTimeout(() => { ${body} }, 1);`);
  expect(await script.exited).toBe(1);
  expect(lines(script).at(-1)).toMatchObject({ level: 'fatal', origin, err: { message: 'loose' } });
});

test('its stop gives the signals back', async () => {
  const script = await start(TWO_STEPS, 60_000, 'stop();');
  script.kill('SIGTERM');
  expect(await script.exited).toBeNull();
  expect(messages(script)).toEqual(['started']);
});
