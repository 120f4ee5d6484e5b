import { cpSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { basename, dirname, join, matchesGlob, relative } from 'node:path';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { runCommand } from '@holdfast/local/run-command';
import { type Instruction, type Stage, readDockerfile } from './dockerfile.ts';

/** The folder in which all stages of ours work. */
const WORKDIR = '/app';

export interface Image {
  /** The folder that is `/app` in the image. */
  readonly app: string;
  /** The stage that is the image. */
  readonly stage: Stage;
}

/**
 * Does what a Dockerfile says in a folder: the stages with their COPY, and the RUN that install or build. What a last stage
 * does to the root of the image is left out. A stage that installs tools for a build, and not what goes into the image, takes
 * those of the repository.
 */
export async function buildImage(dockerfile: string, folder: string): Promise<Image> {
  const isIgnored = ignoredFiles();
  const stages = readDockerfile(join(repositoryRoot, dockerfile));
  const app = (stage: string): string => join(folder, stage || 'image', WORKDIR);
  for (const { name, instructions } of stages) {
    mkdirSync(app(name), { recursive: true });
    for (const instruction of instructions) {
      if (instruction.name === 'COPY') copy(instruction, app(name), (from) => join(folder, from), isIgnored);
      else if (instruction.name === 'RUN' && name !== '') await runIn(app(name), instruction.text);
    }
  }
  const stage = stages.at(-1);
  if (stage === undefined) throw new Error(`${dockerfile} has no stage`);
  return { app: app(stage.name), stage };
}

function copy(
  { flags, text }: Instruction,
  app: string,
  stageFolder: (name: string) => string,
  isIgnored: (path: string) => boolean,
): void {
  const sources = text.split(' ');
  const target = sources.pop() ?? '';
  for (const source of sources) {
    const from = flags['from'] === undefined ? join(repositoryRoot, source) : join(stageFolder(flags['from']), source);
    if (!existsSync(from)) throw new Error(`COPY ${text}: there is no ${source}`);
    // A folder gives its contents; a file goes into a target that ends with a slash.
    const isInto = statSync(from).isFile() && (target.endsWith('/') || target === './');
    const to = join(app, target, isInto ? basename(from) : '');
    mkdirSync(dirname(to), { recursive: true });
    const isWanted = (path: string): boolean =>
      flags['from'] !== undefined || !isIgnored(relative(repositoryRoot, path));
    cpSync(from, to, { recursive: true, verbatimSymlinks: true, filter: isWanted });
  }
}

async function runIn(app: string, command: string): Promise<void> {
  if (command.startsWith('npm ci') && !command.includes('--omit=dev')) {
    symlinkSync(join(repositoryRoot, 'node_modules'), join(app, 'node_modules'));
    return;
  }
  const { code, printed } = await runCommand('sh', ['-c', `cd '${app}' && ${command}`], process.env);
  if (code !== 0) throw new Error(`RUN ${command}: ${printed}`);
}

/** By .dockerignore: the last pattern that fits decides, and a pattern fits what is below it. */
function ignoredFiles(): (path: string) => boolean {
  const patterns = readFileSync(join(repositoryRoot, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => (line.startsWith('!') ? { glob: line.slice(1), ignores: false } : { glob: line, ignores: true }));
  return (path) => {
    const parts = path.split('/');
    const ancestors = parts.map((_, index) => parts.slice(0, index + 1).join('/'));
    return patterns.findLast(({ glob }) => ancestors.some((ancestor) => matchesGlob(ancestor, glob)))?.ignores ?? false;
  };
}
