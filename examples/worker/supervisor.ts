import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openShop, sell } from './shop.ts';

// Everything around the worker, for a first look: a shop that publishes orders, and what starts the worker again when it
// ends, as systemd or Kubernetes does.

const RESTART_MS = 300;
const { env } = process;

// Each first look begins anew. A worker of yours keeps its file.
const directory = mkdtempSync(join(tmpdir(), 'holdfast-worker-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
const file = env['STATE_FILE'] ?? join(directory, 'state.json');

let worker: ChildProcess | undefined;
let isStopping = false;

function start(): void {
  worker = spawn(process.execPath, [join(import.meta.dirname, 'worker.ts')], {
    env: { ...env, STATE_FILE: file },
    stdio: 'inherit',
  });
  worker.once('exit', (code, signal) => {
    if (isStopping) process.exit();
    console.log(`worker ended (${signal ?? code}), starting it again`);
    setTimeout(start, RESTART_MS);
  });
  console.log(`Kill the worker while it works, and see it go on: kill -9 ${worker.pid}`);
}

process.once('SIGTERM', () => {
  isStopping = true;
  if (worker?.exitCode === null && worker.signalCode === null) worker.kill('SIGTERM');
  else process.exit();
});

await openShop();
start();
console.log(`Its state: ${file}`);
await sell();
