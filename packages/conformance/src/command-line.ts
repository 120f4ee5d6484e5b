import { Command, InvalidArgumentError } from 'commander';
import { jsonList, jsonReport, listText, markdownReport, summaryText, verdictText } from './report.ts';
import { DEFAULT_PATIENCE_MS } from './judge/patience.ts';
import { DEFAULT_PARALLEL, runScenarios } from './run.ts';
import { loadScenarios } from './scenario/load.ts';
import { type Profile, type Scenario, profiles } from './scenario/scenario.ts';

export const exitCodes = { ok: 0, failed: 1, badArguments: 2 } as const;

interface Options {
  readonly only?: readonly string[];
  readonly profile?: readonly string[];
  readonly list?: true;
  readonly json?: true;
  readonly markdown?: true;
  readonly parallel: number;
  readonly patience: number;
}

/** Reads the command line and does what it demands. Gives the exit code; raises a CommanderError when it makes no sense. */
export async function runCommandLine(args: readonly string[], print: (text: string) => void): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const program = new Command('holdfast-conformance')
    .description('Runs the scenarios of a receiving client against the driver of an SDK.')
    .argument('[command...]', 'the driver: a program and its arguments, started once for each scenario')
    .option('--only <names>', 'these scenarios, separated by commas', list)
    .option(
      '--profile <names>',
      `those of these profiles, separated by commas: ${Object.keys(profiles).join(', ')}`,
      list,
    )
    .option('--list', 'print the scenarios, and run none')
    .option('--json', 'print JSON')
    .option('--markdown', 'print a table for a README')
    .option('--parallel <count>', 'how many run side by side', integer, DEFAULT_PARALLEL)
    .option('--patience <seconds>', 'how long a client may take for each step', integer, DEFAULT_PATIENCE_MS / 1000)
    .passThroughOptions()
    .exitOverride()
    .configureOutput({ writeOut: print })
    .action(async (command: readonly string[], options: Options) => {
      const scenarios = chosen(program, options);
      if (options.list === true) return print(options.json === true ? jsonList(scenarios) : listText(scenarios));
      if (command.length === 0)
        program.error('the command of a driver is missing', { exitCode: exitCodes.badArguments });
      const asText = options.json !== true && options.markdown !== true;
      const verdicts = await runScenarios({
        scenarios,
        command,
        parallel: options.parallel,
        patienceMs: options.patience * 1000,
        onVerdict: (verdict) => asText && print(verdictText(verdict)),
      });
      const report = options.json === true ? jsonReport : options.markdown === true ? markdownReport : summaryText;
      print(report(verdicts));
      if (verdicts.some(({ failure }) => failure !== undefined)) exitCode = exitCodes.failed;
    });
  await program.parseAsync(args, { from: 'user' });
  return exitCode;
}

function chosen(program: Command, { only, profile }: Options): Scenario[] {
  const scenarios = loadScenarios();
  const unknown =
    only?.find((name) => !scenarios.some((scenario) => scenario.name === name)) ??
    profile?.find((name) => !Object.hasOwn(profiles, name));
  if (unknown !== undefined) {
    program.error(`there is no ${unknown}: --list prints what there is`, { exitCode: exitCodes.badArguments });
  }
  return scenarios.filter(
    (scenario) =>
      (only === undefined || only.includes(scenario.name)) &&
      (profile === undefined || profile.includes(scenario.profile satisfies Profile)),
  );
}

function list(text: string): string[] {
  return text.split(',').map((name) => name.trim());
}

function integer(text: string): number {
  const value = Number(text);
  if (!/^\d{1,4}$/.test(text) || value === 0) throw new InvalidArgumentError('It must be an integer from 1 to 9999.');
  return value;
}
