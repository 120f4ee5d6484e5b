import { repositoryRoot } from '@holdfast/local/repository-root';
import { runCommand } from '@holdfast/local/run-command';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectExampleWorks } from './sdks/example.ts';
import { type Found, findPython } from './sdks/languages.ts';
import { type SdkInstallation, startSdkInstallation } from './sdks/sdk-installation.ts';

const FOLDER = `${repositoryRoot}/sdk/python`;
const ENV = { ...process.env, PYTHONPATH: `${FOLDER}/src:${FOLDER}`, PYTHONDONTWRITEBYTECODE: '1' };

describe('the SDK for Python', () => {
  let python: Found;
  let installation: SdkInstallation;
  beforeAll(async () => {
    [python, installation] = await Promise.all([findPython(), startSdkInstallation()]);
  });
  afterAll(() => (installation as SdkInstallation | undefined)?.[Symbol.asyncDispose]());

  it('passes its own tests, none left out', async ({ skip }) => {
    if ('missing' in python) return skip(`not run: ${python.missing}`);
    const args = ['-W', 'error', '-m', 'unittest', 'discover', '-t', FOLDER, '-s', `${FOLDER}/tests`];
    const { code, printed } = await runCommand(python.program, args, { ...ENV, ...installation.variables });
    expect(code, printed).toBe(0);
    expect(printed).toMatch(/^Ran \d{2,} tests in [\d.]+s\s+OK$/m);
  });

  it('has an example that publishes, and believes genuine webhooks alone', async ({ skip }) => {
    if ('missing' in python) return skip(`not run: ${python.missing}`);
    const args = [`${FOLDER}/examples/publish_and_verify.py`];
    await expectExampleWorks(installation, { command: python.program, args, env: ENV });
  });
});
