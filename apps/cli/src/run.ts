import { Command } from 'commander';
import { httpUrl } from './arguments.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addEdgeCommands } from './commands/edge.ts';
import { addExplainCommand } from './commands/explain.ts';
import { addInspectionCommands } from './commands/inspection.ts';
import { addKeysCommand } from './commands/keys.ts';
import { addKeyCommands } from './commands/key.ts';
import { addListenCommand } from './commands/listen.ts';
import { addPresenceCommand } from './commands/presence.ts';
import { addPublishCommand } from './commands/publish.ts';
import { addRegistrationCommands } from './commands/registration.ts';
import { addSubscriptionCommands } from './commands/subscription.ts';
import { addTokenCommand } from './commands/token.ts';
import { addTopicCommands } from './commands/topic.ts';
import { addUserCommands } from './commands/user.ts';
import { type ExitCode, EXIT_CODES_HELP, exitCodes, failureOf } from './errors.ts';
import type { Terminal } from './terminal.ts';

const FIRST_STEPS = `
With "npm start" running in another terminal:
  $ npx holdfast listen --register me --topics news.sport
  $ npx holdfast publish news.sport '{"score":"1:0"}'`;

/** All commands. Parsing raises CommanderError where commander would end the process. */
export function buildProgram(terminal: Terminal): Command {
  const program = new Command('holdfast')
    .description('Drive a Holdfast installation: keys, topics, clients, messages.')
    .option('--control <url>', 'where control-api listens (HOLDFAST_CONTROL_URL, or what npm start left)', httpUrl)
    .option('--key <key>', 'an API key, <id>.<secret> (HOLDFAST_KEY, or what npm start left)')
    .option('--json', 'answer in JSON, one line; listen: the raw frames')
    .addHelpText('after', EXIT_CODES_HELP)
    .addHelpText('after', FIRST_STEPS)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
    })
    .showHelpAfterError('(see --help)')
    .exitOverride();
  addKeyCommands(program, terminal);
  addTokenCommand(program, terminal);
  addTopicCommands(program, terminal);
  addRegistrationCommands(program, terminal);
  addSubscriptionCommands(program, terminal);
  addListenCommand(program, terminal);
  addPublishCommand(program, terminal);
  addUserCommands(program, terminal);
  addPresenceCommand(program, terminal);
  addInspectionCommands(program, terminal);
  addEdgeCommands(program, terminal);
  addKeysCommand(program, terminal);
  addDoctorCommand(program, terminal);
  addExplainCommand(program, terminal);
  return program;
}

/** Runs one command line, without the names of node and of this program. Errors that are faults of this program are raised. */
export async function run(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const program = buildProgram(terminal);
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCodes.fine;
  } catch (error) {
    const failure = failureOf(error);
    if (failure === null) throw error;
    if (failure.exitCode === exitCodes.unreachable && terminal.interrupted.aborted) return exitCodes.interrupted;
    if (program.opts<{ json?: true }>().json === true && failure.exitCode !== exitCodes.fine) {
      terminal.err(JSON.stringify({ error: failure.json }));
    } else {
      for (const line of failure.lines) terminal.err(terminal.colors.red(line));
    }
    return failure.exitCode;
  }
}
