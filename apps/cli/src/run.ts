import { HoldfastError } from '@holdfast/client/holdfast-error';
import { Command, CommanderError } from 'commander';
import { httpUrl } from './arguments.ts';
import { addCapacityCommand } from './commands/capacity.ts';
import { addCompletionCommands } from './commands/completion.ts';
import { addDisconnectCommand } from './commands/disconnect.ts';
import { addDoctorCommand } from './commands/doctor.ts';
import { addEdgeCommands } from './commands/edge.ts';
import { addExplainCommand } from './commands/explain.ts';
import { addInspectionCommands } from './commands/inspection.ts';
import { addHistoryCommand } from './commands/history.ts';
import { addInitCommand } from './commands/init.ts';
import { addKeyCommands } from './commands/key/key.ts';
import { addKeysCommand } from './commands/key/keys.ts';
import { addListenCommand } from './commands/listen.ts';
import { addPresenceCommand } from './commands/presence.ts';
import { addPublishCommand } from './commands/publish.ts';
import { addRegistrationCommands } from './commands/registration.ts';
import { addSubscriptionCommands } from './commands/subscription.ts';
import { addTokenCommand } from './commands/token.ts';
import { addTopicCommands } from './commands/topic.ts';
import { addUserCommands } from './commands/user.ts';
import { explainedAnswer } from './control-check.ts';
import { CliError, type ExitCode, EXIT_CODES_HELP, exitCodes, failureOf } from './errors.ts';
import { KEY_FROM_INPUT, invocationOf } from './invocation.ts';
import type { Terminal } from './terminal.ts';
import { versionLines, versions } from './version.ts';

const FIRST_STEPS = `
With "npm start" running in another terminal:
  $ npx holdfast listen --register me --topics news.sport
  $ npx holdfast publish news.sport '{"score":"1:0"}'`;

/** All commands. Parsing raises CommanderError where commander would end the process. */
export function buildProgram(terminal: Terminal): Command {
  const program = new Command('holdfast')
    .description('Drive a Holdfast installation: keys, topics, clients, messages.')
    .option('--control <url>', 'where control-api listens (HOLDFAST_CONTROL_URL, or what npm start left)', httpUrl)
    .option(
      '--key <key>',
      'an API key, <id>.<secret> (HOLDFAST_KEY, or what npm start left); -: the first line of standard input',
    )
    .option('--json', 'answer in JSON, one line; listen: the raw frames')
    .option('-V, --version', 'show the versions of Holdfast, Node and the protocol')
    .addHelpText('after', EXIT_CODES_HELP)
    .addHelpText('after', FIRST_STEPS)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      // To scripts it is said once, as JSON.
      writeErr: (text) => {
        if (!isJson(program)) terminal.err(text.trimEnd());
      },
    })
    .showHelpAfterError('(see --help)')
    .exitOverride()
    .hook('preAction', () => readKeyIfAsked(program, terminal));
  program.on('option:version', () => {
    for (const line of isJson(program) ? [JSON.stringify(versions)] : versionLines()) terminal.out(line);
    throw new CommanderError(exitCodes.fine, 'commander.version', '');
  });
  addInitCommand(program, terminal);
  addKeyCommands(program, terminal);
  addTokenCommand(program, terminal);
  addTopicCommands(program, terminal);
  addRegistrationCommands(program, terminal);
  addSubscriptionCommands(program, terminal);
  addListenCommand(program, terminal);
  addPublishCommand(program, terminal);
  addHistoryCommand(program, terminal);
  addUserCommands(program, terminal);
  addPresenceCommand(program, terminal);
  addInspectionCommands(program, terminal);
  addDisconnectCommand(program, terminal);
  addEdgeCommands(program, terminal);
  addKeysCommand(program, terminal);
  addCapacityCommand(program, terminal);
  addDoctorCommand(program, terminal);
  addExplainCommand(program, terminal);
  addCompletionCommands(program, terminal);
  return program;
}

/** With `--key -` no other process sees the key, as they do arguments. Raises CliError `key-missing`. */
async function readKeyIfAsked(program: Command, terminal: Terminal): Promise<void> {
  if (program.opts<{ key?: string }>().key !== KEY_FROM_INPUT) return;
  if (terminal.inputIsTyped) terminal.err('Type the key, end it with Enter.');
  const key = (await terminal.readLine()).trim();
  if (key === '') {
    throw new CliError(
      exitCodes.usage,
      'key-missing',
      '--key -: the first line of standard input is empty, and no key.',
    );
  }
  program.setOptionValue('key', key);
}

/** Also before the line is parsed to its end. */
function isJson(program: Command): boolean {
  // The typings of commander leave `rawArgs` out.
  const { rawArgs } = program as Command & { rawArgs: readonly string[] };
  const end = rawArgs.indexOf('--');
  return (end === -1 ? rawArgs : rawArgs.slice(0, end)).includes('--json');
}

/** Runs one command line, without the names of node and of this program. */
export async function run(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const program = buildProgram(terminal);
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCodes.fine;
  } catch (error) {
    const failure = failureOf(await explained(error, program, terminal));
    if (failure.exitCode === exitCodes.unreachable && terminal.interrupted.aborted) return exitCodes.interrupted;
    if (isJson(program) && failure.exitCode !== exitCodes.fine) {
      terminal.err(JSON.stringify({ error: failure.json }));
    } else {
      for (const line of failure.lines) terminal.err(terminal.errColors.red(line));
    }
    return failure.exitCode;
  }
}

/** An answer that no control-api gives is explained by what is at its address. */
async function explained(failed: unknown, program: Command, terminal: Terminal): Promise<unknown> {
  if (!(failed instanceof HoldfastError)) return failed;
  const { controlUrl } = await invocationOf(program, terminal).target();
  return explainedAnswer(failed, controlUrl, terminal);
}
