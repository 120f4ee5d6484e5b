#!/usr/bin/env node
// Plain JavaScript without new syntax in what runs first: whatever Node a person has starts this file, finds the Node
// that can run the command line as it is written, in TypeScript, and hands over.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Runs TypeScript as it is. */
const OLDEST_NODE = 24;
/** Where `npm ci` puts the pinned Node, seen from a directory that has node_modules. */
const PINNED = [
  ['node_modules', '.bin', 'node'],
  ['node_modules', 'node', 'bin', 'node'],
  ['node_modules', 'node', 'bin', 'node.exe'],
];
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

const here = dirname(fileURLToPath(import.meta.url));
const main = join(here, '..', 'src', 'main.ts');

if (Number.parseInt(process.versions.node, 10) >= OLDEST_NODE) {
  await import('../src/main.ts');
} else {
  const node = pinnedNode(here);
  if (node === undefined) {
    process.stderr.write(
      `holdfast needs Node ${OLDEST_NODE} or later, and this is ${process.versions.node}. "npm ci" brings one.\n`,
    );
    process.exitCode = 2;
  } else {
    handOver(node);
  }
}

function pinnedNode(directory) {
  for (const parts of PINNED) {
    const candidate = join(directory, ...parts);
    if (existsSync(candidate)) return candidate;
  }
  const parent = dirname(directory);
  return parent === directory ? undefined : pinnedNode(parent);
}

function handOver(node) {
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  // A terminal sends Ctrl-C to both; `kill` reaches only this one. The child takes a second signal for the first.
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`holdfast could not start ${node}: ${error.message}\n`);
    process.exitCode = 2;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exitCode = code ?? 0;
      return;
    }
    for (const each of SIGNALS) process.removeAllListeners(each);
    process.kill(process.pid, signal);
  });
}
