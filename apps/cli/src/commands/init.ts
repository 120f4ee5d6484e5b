import { constants, mkdir, open, readFile, realpath } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { repositoryRoot } from '@holdfast/local/repository-root';
import type { Command } from 'commander';
import { CliError, exitCodes } from '../errors.ts';
import { BACKEND_PORT } from '../init/example.ts';
import { type PlannedFile, planOf } from '../init/plan.ts';
import { invocationOf } from '../invocation.ts';
import type { Terminal } from '../terminal.ts';
import { versions } from '../version.ts';

interface InitOptions {
  force?: true;
  dryRun?: true;
}

/** Holds keys. */
const FOLDER_MODE = 0o700;

/** `init`. */
export function addInitCommand(program: Command, terminal: Terminal): void {
  program
    .command('init')
    .description('write what an application begins with into its folder: a key, a compose file, a page and its backend')
    .argument('[folder]', 'the folder of the application; the current one when it is left out')
    .option('--force', 'replace compose.yaml, page.html and backend.mjs; keys are never replaced')
    .option('--dry-run', 'show what would be written, and write nothing')
    .addHelpText('after', '\nExamples:\n  $ npx holdfast init ../my-app --dry-run\n  $ npx holdfast init ../my-app')
    .action(async (given: string | undefined, options: InitOptions, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const folder = resolve(given ?? '.');
      const isDry = options.dryRun === true;
      await refuseRepository(folder);
      const running = await terminal.installation();
      const developmentKey = running?.key ?? (await keyOfNpmStart());
      const owner = process.getuid && process.getgid ? { uid: process.getuid(), gid: process.getgid() } : null;
      const plan = await planOf({
        folder,
        force: options.force === true,
        key: developmentKey,
        controlUrl: running?.controlUrl ?? null,
        owner,
      });
      if (!isDry) await writeAll(folder, plan);
      const next = nextCommands(folder, running !== null);
      const files = plan.map(({ name, action }) => ({ file: name, action }));
      invocation.print({ folder, dryRun: isDry, files, next }, [
        `${isDry ? 'Would be written' : 'Written'} in ${folder}:`,
        ...plan.map(({ name, about, action }) => `  ${DONE[action].padEnd(9)} ${name.padEnd(24)} ${about}`),
        '',
        'The packages are on no registry yet: they are packed in the repository of Holdfast, and installed from there.',
        ...(running === null
          ? ['In place of npm start: "docker compose build" there, then "docker compose up --detach" here.']
          : []),
        ...(developmentKey === null
          ? [
              `The key is new: compose.yaml knows it. "npm start" makes its own, ${join(repositoryRoot, '.holdfast/dev-key')}.`,
            ]
          : ['The key is that of "npm start", so that both know it: npm start and compose.yaml.']),
        '',
        'Next:',
        ...next.map((line) => `  ${line}`),
        '',
        `and open http://127.0.0.1:${BACKEND_PORT}. The command line in that folder:`,
        `  node --env-file=.env ${join(repositoryRoot, 'apps/cli/bin/holdfast.js')} user ann`,
      ]);
    });
}

const DONE: Readonly<Record<PlannedFile['action'], string>> = {
  create: 'new',
  replace: 'replaced',
  'add to': 'added to',
  keep: 'as it was',
};

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_TRUNC, O_WRONLY } = constants;

/** None follows a link that was put there since the plan was made. */
const OPEN_FLAGS: Readonly<Record<PlannedFile['action'], number>> = {
  create: O_WRONLY | O_CREAT | O_EXCL,
  replace: O_WRONLY | O_TRUNC | O_NOFOLLOW,
  'add to': O_WRONLY | O_TRUNC | O_NOFOLLOW,
  keep: O_RDONLY | O_NOFOLLOW,
};

async function writeAll(folder: string, plan: readonly PlannedFile[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const file of plan) await write(folder, file);
}

async function write(folder: string, { name, text, mode, action }: PlannedFile): Promise<void> {
  const file = join(folder, name);
  if (action === 'keep' && mode === undefined) return;
  if (dirname(name) !== '.') await mkdir(dirname(file), { recursive: true, mode: FOLDER_MODE });
  await using opened = await open(file, OPEN_FLAGS[action], mode);
  if (action !== 'keep') await opened.writeFile(text);
  if (mode !== undefined) await opened.chmod(mode);
}

/** Three lines that bring the example up. */
function nextCommands(folder: string, isRunning: boolean): string[] {
  const tarballs = ['client', 'server'].map((name) =>
    join(repositoryRoot, 'dist/packages', `holdfast-${name}-${versions.version}.tgz`),
  );
  const there = relative(process.cwd(), folder);
  const pack = `npm run packages --prefix ${repositoryRoot}`;
  return [
    isRunning ? pack : `${pack} && npm start --prefix ${repositoryRoot}    # goes on: the others in a second terminal`,
    `${there === '' ? '' : `cd ${there} && `}npm install ${tarballs.join(' ')}`,
    'node --env-file=.env backend.mjs',
  ];
}

/** Its compose file is another, and its folder no application. */
async function refuseRepository(folder: string): Promise<void> {
  const path = await realpath(folder).catch(() => folder);
  if (path !== repositoryRoot) return;
  throw new CliError(
    exitCodes.usage,
    'folder-is-repository',
    'This is the repository of Holdfast: name the folder of your application, as in "npx holdfast init ../my-app".',
  );
}

/** It stays from one start to the next. */
async function keyOfNpmStart(): Promise<string | null> {
  try {
    return (await readFile(join(repositoryRoot, '.holdfast/dev-key'), 'utf8')).trim();
  } catch {
    return null;
  }
}
