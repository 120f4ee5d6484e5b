import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findOrBringProgram } from './program.ts';

async function program(directory: string, name: string, script = ''): Promise<string> {
  const file = join(directory, name);
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  return file;
}

describe('a program found or brought', () => {
  let path: string;
  let elsewhere: string;

  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
    elsewhere = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
  });
  afterEach(() => Promise.all([path, elsewhere].map((directory) => rm(directory, { recursive: true }))));

  async function find(isRoot = false) {
    const announced: string[] = [];
    const announce = (line: string) => announced.push(line);
    return {
      ...(await findOrBringProgram('balancer', { announce, env: { PATH: path }, elsewhere, isRoot })),
      announced,
    };
  }

  it('is the one on PATH, else the one elsewhere', async () => {
    const second = await program(elsewhere, 'balancer');
    expect(await find()).toEqual({ program: second, announced: [`balancer: ${second}`] });
    const first = await program(path, 'balancer');
    expect(await find()).toEqual({ program: first, announced: [`balancer: ${first}`] });
  });

  it('is none where there is none and no package can be had, and it is said why', async () => {
    expect(await find()).toMatchObject({ missing: 'balancer is not on PATH, and there is no apt-get' });
    await program(path, 'apt-get', 'echo no network >&2; exit 1');
    expect(await find()).toMatchObject({
      missing: 'balancer is not on PATH, and apt-get needs root, and there is no sudo',
    });
  });
});
