import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { text } from 'node:stream/consumers';
import mutants from '@holdfast/conformance/mutants.json' with { type: 'json' };
import { runScenarios } from '@holdfast/conformance/run';
import { loadScenarios } from '@holdfast/conformance/scenarios';
import { bringPackage } from '@holdfast/local/distribution-package';
import { findOnPath } from '@holdfast/local/find-on-path';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { pageBlocks } from '@holdfast/snippets/pages';
import { beforeAll, describe, expect, it } from 'vitest';

const PACKAGE = join(repositoryRoot, 'packages/conformance');
/** Scenarios mostly wait, for a silence or a back-off. */
const SIDE_BY_SIDE = 12;
/** Of a client that is wrong: what it does not do, it does not do later either. */
const PATIENCE_MS = 10_000;

interface Mutant {
  readonly driver: string;
  /** What it does wrong. */
  readonly fault: string;
  /** What the report of the failure has in it. */
  readonly report: string;
}

const scenarios = loadScenarios();
const mutantsOf = new Map<string, readonly Mutant[]>(Object.entries(mutants));

function countOf(...profiles: string[]): number {
  return scenarios.filter(({ profile }) => profiles.includes(profile)).length;
}

/** The commands of the README, and what it says that the last of them prints. */
const [ours = '', ofPython = '', failing = '', failure = ''] = (await pageBlocks('packages/conformance/README.md'))
  .filter(({ marks }) => marks.testedBy === 'tests/adoption/conformance.test.ts')
  .map(({ code }) => code);

/** Runs a command of the README as a person does, in the checkout. */
async function shell(command: string): Promise<{ code: number; printed: string }> {
  const child = spawn('bash', ['-c', command], { cwd: repositoryRoot, stdio: ['ignore', 'pipe', 'inherit'] });
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return { code: Number(code), printed };
}

/** The PATH on which Python is. */
async function pathWithPython(): Promise<string> {
  const path = process.env['PATH'] ?? '';
  if ((await findOnPath('python3', path)) !== null) return path;
  const brought = await bringPackage({
    what: 'Python',
    packages: ['python3'],
    env: process.env,
    isRoot: process.getuid?.() === 0,
    announce: (line) => void process.stderr.write(`${line}\n`),
  });
  if ('missing' in brought) throw new Error(`no Python: ${brought.missing}`);
  return brought.path;
}

describe('the conformance kit', () => {
  beforeAll(async () => {
    process.env['PATH'] = await pathWithPython();
  });

  it('has a client that is wrong on purpose for each scenario', () => {
    expect([...mutantsOf.keys()].toSorted()).toEqual(scenarios.map(({ name }) => name));
  });

  it.concurrent('passes @holdfast/client in every profile of a page', async () => {
    const { code, printed } = await shell(ours);
    expect(printed).toContain(`${countOf('core', 'page', 'control', 'tokens', 'presence')} passed, 0 failed`);
    expect(code).toBe(0);
  });

  it.concurrent('passes a client of another language in the profiles core and native', async () => {
    const { code, printed } = await shell(ofPython);
    expect(printed).toContain(`${countOf('core', 'native')} passed, 0 failed`);
    expect(code).toBe(0);
  });

  it.concurrent('reports a failure as the README shows it', async () => {
    const { code, printed } = await shell(failing);
    expect(printed.replace(/\d+ ms/, '… ms')).toBe(failure);
    expect(code).toBe(1);
  });

  it.concurrent('fails each client that is wrong on purpose in a scenario, and says why', async () => {
    const wrong = scenarios.flatMap((scenario) =>
      (mutantsOf.get(scenario.name) ?? []).map((mutant) => ({ scenario: { ...scenario }, mutant })),
    );
    const mutantOf = new Map(wrong.map(({ scenario, mutant }) => [scenario, mutant]));
    const verdicts = await runScenarios({
      scenarios: wrong.map(({ scenario }) => scenario),
      parallel: SIDE_BY_SIDE,
      patienceMs: PATIENCE_MS,
      command: (scenario) => {
        const { driver = '', fault = '' } = mutantOf.get(scenario) ?? {};
        return driver === 'python'
          ? ['python3', join(PACKAGE, 'drivers/python/broken.py'), fault]
          : [execPath, join(PACKAGE, 'drivers/broken/broken-client.ts'), fault];
      },
    });
    const reported = verdicts.map(({ scenario: { name }, failure: why }) => [
      name,
      why === undefined ? 'passed' : `expected ${why.expected}, seen ${why.seen}`,
    ]);
    const expected = wrong.map(({ scenario: { name }, mutant }) => [name, expect.stringContaining(mutant.report)]);
    expect(reported).toEqual(expected);
  });
});
