import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findOrBringChromium, type FindChromiumOptions, NoChromium } from './chromium.ts';

/** Says what a Chromium says to `--version`; that a real one is found and works is shown by the test with a page. */
const BROWSER = 'echo "Chromium 156.0.8078.79 built on Debian GNU/Linux 12 (bookworm)"';

describe('a Chromium found or brought', () => {
  let path: string;

  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'holdfast-test-'));
  });
  afterEach(() => rm(path, { recursive: true }));

  async function program(name: string, script: string): Promise<string> {
    const file = join(path, name);
    await writeFile(file, `#!/bin/sh\n${script}\n`);
    await chmod(file, 0o755);
    return file;
  }

  async function find(env: Record<string, string> = {}, more: Partial<FindChromiumOptions> = {}) {
    const announced: string[] = [];
    const options = { announce: (line: string) => announced.push(line), env: { PATH: path, ...env }, isRoot: false };
    return { ...(await findOrBringChromium({ ...options, ...more })), announced };
  }

  it('is what CHROMIUM names, though there is one on PATH', async () => {
    await program('chromium', BROWSER);
    const mine = await program('my-browser', BROWSER);
    expect(await find({ CHROMIUM: mine })).toEqual({
      program: mine,
      source: 'CHROMIUM',
      announced: [`Chromium: ${mine}, from CHROMIUM`],
    });
  });

  it('is nothing else where what CHROMIUM names does not run, or is something else', async () => {
    await program('chromium', BROWSER);
    const missing = join(path, 'missing');
    await expect(find({ CHROMIUM: missing })).rejects.toThrow(`CHROMIUM: ${missing} does not run: spawn`);
    const other = await program('firefox', 'echo Mozilla Firefox 190.0');
    await expect(find({ CHROMIUM: other })).rejects.toThrow(`${other} is no Chromium, but says: Mozilla Firefox 190.0`);
  });

  it('is chromium on PATH before google-chrome, and before any package', async () => {
    const chrome = await program('google-chrome', 'echo Google Chrome 156.0.8078.79');
    await program('apt-get', 'exit 1');
    expect(await find({ CHROMIUM: '' }, { isRoot: true })).toMatchObject({ program: chrome, source: 'PATH' });
    const chromium = await program('chromium', BROWSER);
    expect(await find({}, { isRoot: true })).toEqual({
      program: chromium,
      source: 'PATH',
      announced: [`Chromium: ${chromium}, found on PATH`],
    });
  });

  it('is not a chromium-browser that only asks for a snap', async () => {
    await program('chromium-browser', 'echo "requires the chromium snap to be installed" >&2; exit 1');
    const chrome = await program('google-chrome', 'echo Google Chrome 156.0.8078.79');
    expect(await find()).toMatchObject({ program: chrome, source: 'PATH' });
  });

  it('is, where none is on PATH, what the package of the distribution brings', async () => {
    await program('apt-get', 'exit 0');
    // In place of the rights that it would give: what it is asked to run is written down, and the package is there.
    const browser = join(path, 'chromium');
    await program(
      'sudo',
      `echo "asked: $*" >> ${path}/calls
      [ "$2" = true ] || { printf '#!/bin/sh\\n%s\\n' '${BROWSER}' > ${browser}; /bin/chmod 755 ${browser}; }`,
    );
    expect(await find()).toEqual({
      program: browser,
      source: 'package',
      announced: [
        'Chromium: none on PATH, installing the package of the distribution with apt-get …',
        `Chromium: ${browser}, from the distribution's package`,
      ],
    });
    expect(await readFile(join(path, 'calls'), 'utf8')).toMatch(
      /^asked: -n true\nasked: -n \/bin\/sh \S+\/install-package\.sh \/usr\/sbin\/policy-rc\.d chromium\n$/,
    );
  });

  it('is, where it cannot be had, told as missing, with why each way failed', async () => {
    const error = await find().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NoChromium);
    expect(error).toMatchObject({ code: 'no-chromium' });
    expect(String(error)).toContain('apt-get install chromium');
    expect(String(error).split('\n').slice(1)).toEqual([
      '  - CHROMIUM is not set',
      '  - none of chromium, chromium-browser, google-chrome is on PATH',
      '  - there is no apt-get',
    ]);
    await program('apt-get', 'exit 0');
    await program('sudo', '[ "$2" = true ] || { echo "E: Unable to locate package chromium"; exit 1; }');
    await expect(find()).rejects.toThrow('apt-get could not install it: E: Unable to locate package chromium');
  });
});
