import { execPath } from 'node:process';
import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { runCommandLine } from './command-line.ts';
import { loadScenarios } from './scenario/load.ts';

const ONE = ['--only', 'welcome-and-messages'];

async function run(...args: string[]): Promise<{ code: number; printed: string }> {
  let printed = '';
  const code = await runCommandLine(args, (text) => (printed += text));
  return { code, printed };
}

/** A driver that is a line of JavaScript. */
function driver(program: string): string[] {
  return [execPath, '-e', program];
}

describe('the command line', () => {
  it('lists every scenario by its profile, with its promise', async () => {
    const { code, printed } = await run('--list');
    expect(code).toBe(0);
    for (const { name, promise } of loadScenarios()) expect(printed).toContain(`  ${name}  ${promise}`);
    const listed = JSON.parse((await run('--list', '--json', '--profile', 'presence')).printed) as {
      profile: string;
    }[];
    expect(new Set(listed.map(({ profile }) => profile))).toEqual(new Set(['presence']));
  });

  it('names a scenario or a profile that there is not, and a missing command', async () => {
    for (const args of [['--only', 'none'], ['--profile', 'none'], ['--parallel', '0'], ONE]) {
      await expect(run(...args)).rejects.toThrow(CommanderError);
    }
  });

  it('fails a driver that ends, with its last words', async () => {
    const { code, printed } = await run(
      ...ONE,
      ...driver("process.stderr.write('no such module'); process.exitCode = 7"),
    );
    expect(code).toBe(1);
    expect(printed).toContain('FAILED  welcome-and-messages');
    expect(printed).toMatch(/seen {6}that the driver ended with 7: no such module/);
    expect(printed).toContain('0 passed, 1 failed');
  });

  it('fails a driver that cannot be started, and one that prints no JSON', async () => {
    expect((await run(...ONE, '/no/such/program')).printed).toContain('could not be started');
    const chatty = await run(...ONE, ...driver("console.log('connecting'); setInterval(() => {}, 1000)"));
    expect(chatty.printed).toMatch(/expected {2}lines of JSON from the driver\n +seen {6}connecting/);
  });

  it('reports for programs and for a README', async () => {
    const ends = driver('');
    const report = JSON.parse((await run(...ONE, '--json', ...ends)).printed) as {
      failed: number;
      scenarios: object[];
    };
    expect(report).toMatchObject({
      passed: 0,
      failed: 1,
      scenarios: [{ name: 'welcome-and-messages', passed: false }],
    });
    expect((await run(...ONE, '--markdown', ...ends)).printed).toMatch(
      /^\| welcome-and-messages \| core \| MUST \| .* \| \*\*no\*\* \|$/m,
    );
  });
});
