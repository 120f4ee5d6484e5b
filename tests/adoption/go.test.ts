import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { runCommand } from '@holdfast/local/run-command';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectExampleWorks } from './sdks/example.ts';
import { type Found, findGo } from './sdks/languages.ts';
import { type SdkInstallation, startSdkInstallation } from './sdks/sdk-installation.ts';

const FOLDER = `${repositoryRoot}/sdk/go`;
/** No module comes from elsewhere, and no other Go. */
const ENV = { ...process.env, GOPROXY: 'off', GOFLAGS: '-buildvcs=false', GOWORK: 'off', GOTOOLCHAIN: 'local' };

describe('the SDK for Go', () => {
  let go: Found;
  let installation: SdkInstallation;
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'holdfast-go-'));
    [go, installation] = await Promise.all([findGo(), startSdkInstallation()]);
  });
  afterAll(async () => {
    await (installation as SdkInstallation | undefined)?.[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  async function run(folder: string, program: string, ...args: string[]): Promise<string> {
    // runCommand has no folder.
    const inFolder = ['-c', 'cd "$1" && shift && exec "$@"', 'sh', folder, program, ...args];
    const { code, printed } = await runCommand('sh', inFolder, { ...ENV, ...installation.variables });
    expect(code, printed).toBe(0);
    return printed;
  }

  it('passes its own tests, none left out, vet and gofmt', async ({ skip }) => {
    if ('missing' in go) return skip(`not run: ${go.missing}`);
    expect(await run(FOLDER, join(dirname(go.program), 'gofmt'), '-l', '.')).toBe('');
    await run(FOLDER, go.program, 'vet', './...');
    const printed = await run(FOLDER, go.program, 'test', '-count=1', '-v', '.');
    expect(printed).toContain('--- PASS: TestTopicsAndMessagesOfAnInstallation');
    expect(printed).not.toContain('--- SKIP');
  });

  it('is used by `replace`, and has an example that publishes, and believes genuine webhooks alone', async ({ skip }) => {
    if ('missing' in go) return skip(`not run: ${go.missing}`);
    await writeFile(join(directory, 'go.mod'), 'module example.com/backend\n\ngo 1.19\n');
    await copyFile(`${FOLDER}/examples/publish-and-verify/main.go`, join(directory, 'main.go'));
    await run(directory, go.program, 'mod', 'edit', `-replace=holdfast.example/holdfast=${FOLDER}`);
    await run(directory, go.program, 'mod', 'tidy');
    const program = join(directory, 'backend');
    await run(directory, go.program, 'build', '-o', program, '.');
    await expectExampleWorks(installation, { command: program, args: [], env: {} });
  });
});
