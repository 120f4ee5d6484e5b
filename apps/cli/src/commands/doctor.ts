import type { DoctorReport } from '@holdfast/client/rest';
import type { Command } from 'commander';
import { seconds } from '../arguments.ts';
import { CliError, exitCodes } from '../errors.ts';
import { invocationOf } from '../invocation.ts';
import { printable } from '../output.ts';
import type { Colors, Terminal } from '../terminal.ts';

interface DoctorOptions {
  balancer?: number;
  all?: true;
}

type Check = DoctorReport['checks'][number];

/** What the other checks take at most, on a busy machine. */
const OTHERS_MS = 30_000;

/** `doctor`. */
export function addDoctorCommand(program: Command, terminal: Terminal): void {
  program
    .command('doctor')
    .description('look for what is set wrong, and say what to do')
    .option('--all', 'show what is well, too')
    .option('--balancer <time>', 'hold an idle connection open for so long, to see whether a balancer ends it', seconds)
    .addHelpText('after', '\nExamples:\n  $ npx holdfast doctor\n  $ npx holdfast doctor --balancer 70s --json')
    .action(async ({ balancer, all }: DoctorOptions, command: Command) => {
      const invocation = invocationOf(command, terminal);
      const rest = await invocation.rest(OTHERS_MS + (balancer ?? 0) * 1000);
      const report = await rest.doctor({ wait: balancer });
      const shown = report.checks.filter(({ status }) => all === true || status !== 'ok');
      const lines = shown.flatMap((check) => linesOf(check, terminal.colors));
      if (balancer === undefined) {
        const hint = 'Not measured: whether a balancer ends idle connections (--balancer 70s does).';
        lines.push(terminal.colors.dim(hint));
      }
      invocation.print(report, [...lines, summaryOf(report)]);
      const failing = countOf(report, 'fail');
      if (failing > 0) {
        throw new CliError(
          exitCodes.refused,
          'doctor-fail',
          failing === 1 ? '1 check fails' : `${failing} checks fail`,
        );
      }
    });
}

function linesOf({ id, status, where, seen, why, do: advice }: Check, colors: Colors): string[] {
  const color = { ok: colors.green, warn: colors.yellow, fail: colors.red }[status];
  const place = where === null ? '' : `  ${printable(where)}`;
  return [
    `${color(status.padEnd(4))}  ${colors.bold(id)}${place}`,
    `      ${printable(seen)}`,
    ...(advice === null ? [] : [`      Why: ${printable(why)}.`, `      Do:  ${printable(advice)}.`]),
    '',
  ];
}

function countOf(report: DoctorReport, wanted: Check['status']): number {
  return report.checks.filter(({ status }) => status === wanted).length;
}

function summaryOf(report: DoctorReport): string {
  const [good, warnings, failures] = (['ok', 'warn', 'fail'] as const).map((status) => countOf(report, status));
  return `${good} well, ${warnings} to look at, ${failures} to mend.`;
}
