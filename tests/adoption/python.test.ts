import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WORKING, runExample, webhookAnswers } from './sdks/example.ts';
import { type Found, findPython, programOrSkip } from './sdks/languages.ts';
import { testedBlocks } from './sdks/readme.ts';
import { runIn } from './sdks/run.ts';
import { type SdkInstallation, startSdkInstallation } from './sdks/sdk-installation.ts';

const FOLDER = `${repositoryRoot}/sdk/python`;
const README = 'sdk/python/README.md';
/** Serves the endpoint of the README. */
const SERVED = `
import os, sys
os.chdir(sys.argv[1])
from readme import Endpoint, ThreadingHTTPServer
server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
print("listening:", server.server_address[1], flush=True)
server.serve_forever()
`;
const ENV = { ...process.env, PYTHONPATH: `${FOLDER}/src`, PYTHONDONTWRITEBYTECODE: '1' };

describe('the SDK for Python', () => {
  let python: Found;
  let installation: SdkInstallation;
  beforeAll(async () => {
    [python, installation] = await Promise.all([findPython(), startSdkInstallation()]);
  });
  afterAll(() => (installation as SdkInstallation | undefined)?.[Symbol.asyncDispose]());

  it('passes its own tests, none left out', async ({ skip }) => {
    const program = programOrSkip(python, skip);
    const command = [program, '-W', 'error', '-m', 'unittest', '--verbose'];
    const printed = await runIn(FOLDER, { ...ENV, ...installation.variables }, command);
    expect(printed).toMatch(/test_a_token_of_each_algorithm_registers.* ok$/m);
    expect(printed).toMatch(/^Ran \d{2,} tests in [\d.]+s\s+OK$/m);
  });

  it('does what its README shows', async ({ skip }) => {
    const program = programOrSkip(python, skip);
    const directory = await mkdtemp(join(tmpdir(), 'holdfast-python-'));
    try {
      const blocks = await testedBlocks(README, 'python', 'tests/adoption/python.test.ts');
      expect(blocks).toHaveLength(3);
      await writeFile(join(directory, 'readme.py'), blocks.join('\n'));
      const [key] = JSON.parse(await readFile(installation.variables.HOLDFAST_TOKEN_KEYS, 'utf8')) as object[];
      await writeFile(join(directory, 'web.jwk.json'), JSON.stringify(key));
      const code = "import readme; print(readme.token_for('ann', 'tab').count('.'))";
      const env = { ...ENV, ...installation.variables };
      const printed = await runIn(directory, env, [program, '-c', code]);
      expect(printed).toMatch(/^\d+-\d+ True [0-9a-f-]{36}\n2$/);
      const served = {
        command: program,
        args: ['-c', SERVED, directory],
        env: { ...ENV, PYTHONPATH: `${ENV.PYTHONPATH}:${directory}` },
      };
      expect(await webhookAnswers(installation, served)).toEqual(WORKING.answers);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  it('has an example that publishes, and believes genuine webhooks alone', async ({ skip }) => {
    const program = programOrSkip(python, skip);
    const args = [`${FOLDER}/examples/publish_and_verify.py`];
    expect(await runExample(installation, { command: program, args, env: ENV })).toEqual(WORKING);
  });
});
