import { parseArgs } from 'node:util';
import { checkBlocks } from './check.ts';
import { readBlocks } from './pages.ts';
import { planOf } from './plan.ts';

// Checks the fenced blocks of all pages, or of those that are named: `npm run snippets:check -- docs/faq.md`. Prints each
// fault as page:line, what was not run with the reason, and how much was checked; exits with 1 when there is a fault. With
// --list it prints how each block is checked, and checks nothing.

const { values, positionals } = parseArgs({ options: { list: { type: 'boolean' } }, allowPositionals: true });
const blocks = await readBlocks(positionals);
const print = (line: string) => void process.stdout.write(`${line}\n`);

if (values.list === true) {
  for (const { page, line, language, marks } of blocks) print(`${page}:${line}: ${language} ${JSON.stringify(marks)}`);
  for (const { page, line, what } of planOf(blocks).faults) print(`${page}:${line}: ${what}`);
} else {
  const { plan, faults, notRun } = await checkBlocks(blocks, { announce: print });
  for (const { block, why } of notRun) print(`not run: ${block.page}:${block.line}: ${why}`);
  for (const { page, line, what } of faults) process.stderr.write(`${page}:${line}: ${what}\n`);
  const run = plan.sessions.flatMap(({ steps }) => steps).length;
  print(
    `${blocks.length} blocks: ${run} in ${plan.sessions.length} sessions, ${plan.typed.length} type-checked, ` +
      `${plan.parsed.length} parsed, ${plan.tested.length} run by tests, ${notRun.length} not run; ${faults.length} faults`,
  );
  if (faults.length > 0) process.exitCode = 1;
}
