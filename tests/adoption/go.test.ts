import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WORKING, runExample, webhookAnswers } from './sdks/example.ts';
import { type Found, findGo, programOrSkip } from './sdks/languages.ts';
import { testedBlocks } from './sdks/readme.ts';
import { runIn } from './sdks/run.ts';
import { type SdkInstallation, startSdkInstallation } from './sdks/sdk-installation.ts';

const FOLDER = `${repositoryRoot}/sdk/go`;
const README = 'sdk/go/README.md';
const TEST = 'tests/adoption/go.test.ts';
/** No module comes from elsewhere, and no other Go. */
const ENV = { ...process.env, GOPROXY: 'off', GOFLAGS: '-buildvcs=false', GOWORK: 'off', GOTOOLCHAIN: 'local' };

/** Serves the endpoint of the README. */
const SERVED = `package main

import (
	"fmt"
	"net"
	"net/http"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("listening:", listener.Addr().(*net.TCPAddr).Port)
	panic(http.Serve(listener, http.HandlerFunc(endpoint)))
}
`;

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

  function run(folder: string, command: readonly string[]): Promise<string> {
    return runIn(folder, { ...ENV, ...installation.variables }, command);
  }

  it('passes its own tests, none left out, vet and gofmt', async ({ skip }) => {
    const program = programOrSkip(go, skip);
    expect(await run(FOLDER, [join(dirname(program), 'gofmt'), '-l', '.'])).toBe('');
    await run(FOLDER, [program, 'vet', './...']);
    const printed = await run(FOLDER, [program, 'test', '-count=1', '-v', '.']);
    expect(printed).toContain('--- PASS: TestATokenOfEachAlgorithmRegistersUntilItIsRevoked');
    expect(printed).not.toContain('--- SKIP');
  });

  it('is used as its README shows; its example publishes, and believes genuine webhooks alone', async ({ skip }) => {
    const program = programOrSkip(go, skip);
    const backend = join(directory, 'backend');
    await symlink(repositoryRoot, join(directory, 'holdfast'));
    for (const folder of ['readme', 'parts', 'served', 'example'])
      await mkdir(join(backend, folder), { recursive: true });
    const [commands = 'exit 1'] = await testedBlocks(README, 'sh', TEST);
    const path = `${dirname(program)}:${process.env['PATH']}`;
    await runIn(backend, { ...ENV, PATH: path }, ['sh', '-ec', commands]);

    const [main = '', ...parts] = await testedBlocks(README, 'go', TEST);
    expect(parts).toHaveLength(2);
    await writeFile(join(backend, 'readme/main.go'), main);
    for (const [index, part] of parts.entries()) await writeFile(join(backend, `parts/part${index}.go`), part);
    await copyFile(`${FOLDER}/examples/publish-and-verify/main.go`, join(backend, 'example/main.go'));
    await writeFile(join(backend, 'served/endpoint.go'), (parts[1] ?? '').replace('package backend', 'package main'));
    await writeFile(join(backend, 'served/main.go'), SERVED);
    await run(backend, [program, 'mod', 'tidy']);
    await run(backend, [program, 'vet', './...']);
    await run(backend, [program, 'build', '-o', 'bin/', './readme', './served', './example']);

    expect(await run(backend, ['bin/readme'])).toMatch(/^\d+-\d+$/);
    const served = { command: join(backend, 'bin/served'), args: [], env: {} };
    expect(await webhookAnswers(installation, served)).toEqual(WORKING.answers);
    const command = join(backend, 'bin/example');
    expect(await runExample(installation, { command, args: [], env: {} })).toEqual(WORKING);
  });
});
