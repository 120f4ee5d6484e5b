import { bringPackage } from '../packages/local/src/distribution-package.ts';
import { findOnPath } from '../packages/local/src/find-on-path.ts';
import { repositoryRoot } from '../packages/local/src/repository-root.ts';
import { runCommand } from '../packages/local/src/run-command.ts';

// Has promtool check the rules of deploy/monitoring, and run their tests. It is of the package prometheus, which is
// installed where that is possible; elsewhere this says what was not run. Exits with 1 when promtool finds a fault.

const FOLDER = `${repositoryRoot}/deploy/monitoring`;

const promtool = await findPromtool();
if ('missing' in promtool) {
  process.stdout.write(`The rules were not checked, as there is no promtool: ${promtool.missing}\n`);
} else {
  for (const args of [
    ['check', 'rules', `${FOLDER}/rules.yml`],
    ['test', 'rules', `${FOLDER}/rules.test.yml`],
  ]) {
    const { code, printed } = await runCommand(promtool.program, args, process.env);
    process.stdout.write(`${printed}\n`);
    if (code !== 0) process.exitCode = 1;
  }
}

async function findPromtool(): Promise<{ program: string } | { missing: string }> {
  const known = await findOnPath('promtool', process.env['PATH']);
  if (known !== null) return { program: known };
  const brought = await bringPackage({
    what: 'promtool',
    packages: ['prometheus'],
    env: process.env,
    isRoot: process.getuid?.() === 0,
    announce: (line) => void process.stdout.write(`${line}\n`),
  });
  if ('missing' in brought) return brought;
  const program = await findOnPath('promtool', brought.path);
  return program === null ? { missing: 'the package prometheus has none' } : { program };
}
