import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { runScript, type ScriptProcess } from './testing/script-process.ts';

const main = (imports: Record<string, string>, body: string): ScriptProcess =>
  runScript({ runMain: './run-main.ts', ...imports }, `await runMain(async () => { ${body} });`);

test('a wrong configuration is reported line by line, and exits with 2 whatever is open', async () => {
  const script = main(
    { ConfigError: './config.ts' },
    `setInterval(() => {}, 1000);
     throw new ConfigError([{ variable: 'A', rule: 'must be set', given: null }, { variable: 'B', rule: 'must be 1', given: '"2"' }]);`,
  );
  expect(await script.exited).toBe(2);
  expect(script.stderr()).toBe(
    '2 faults in the configuration:\n  A must be set (not set)\n  B must be 1 (given: "2")\n',
  );
});

test('a port in use is named, and exits with 1', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const script = main(
    {},
    `const { createServer } = await import('node:http'); const { once } = await import('node:events');
     const server = createServer().listen(${port}, '127.0.0.1'); await once(server, 'listening');`,
  );
  expect(await script.exited).toBe(1);
  server.close();
  expect(script.stderr()).toBe(
    `Cannot listen on 127.0.0.1:${port}: port ${port} is in use by another process. Stop it, or choose another port.\n`,
  );
});

test('an address that is not of this machine is named, and exits with 1', async () => {
  const script = main(
    {},
    `const { createServer } = await import('node:http'); const { once } = await import('node:events');
     const server = createServer().listen(0, '192.0.2.1'); await once(server, 'listening');`,
  );
  expect(await script.exited).toBe(1);
  expect(script.stderr()).toBe('Cannot listen on 192.0.2.1:0: this machine has no such address.\n');
});

test('anything else is shown with its stack and its cause, and exits with 1', async () => {
  const script = main({}, `throw new Error('outer', { cause: new Error('inner') });`);
  expect(await script.exited).toBe(1);
  expect(script.stderr()).toMatch(/Error: outer\n\s+at [^]*Error: inner\n\s+at /);
});

test('a main that ends well is left alone', async () => {
  const script = main({}, `process.stdout.write('done');`);
  expect(await script.exited).toBe(0);
  expect([script.stdout(), script.stderr()]).toEqual(['done', '']);
});
