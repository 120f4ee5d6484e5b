import { EXIT_CODES } from '../apps/cli/src/errors.ts';
import { buildProgram } from '../apps/cli/src/run.ts';
import { recordingTerminal } from '../apps/cli/src/testing/recording-terminal.ts';
import { code, page, table } from './markdown.ts';

type Command = ReturnType<typeof buildProgram>;
type Option = Command['options'][number];
type Argument = Command['registeredArguments'][number];

/** The commands of `npx holdfast`, from the definition that also makes its help. */
export function cliPage(): string {
  const program = buildProgram(recordingTerminal());
  const commands = leavesOf(program);
  return page(
    'Command line',
    'the definition of the commands in `apps/cli`',
    'With an installation of `npm start` running, `npx holdfast` in the folder of the repository finds it and its key by ' +
      'itself. Any other is named by `--control` and `--key`, or by the variables `HOLDFAST_CONTROL_URL` and `HOLDFAST_KEY`.',
    'What is printed goes to standard output, progress and errors to standard error. With `--json` a command prints one ' +
      'line of JSON, and an error as `{"error":{"code",…}}`; codes are those of [problems.md](problems.md), and some of the ' +
      'command line. `NO_COLOR` and `FORCE_COLOR` are obeyed. Nothing asks a question; `publish` reads standard input when ' +
      'no message is given.',
    'A client is named by its UUID, by its `ref`, or by its name, which is unique within its API key; an edge by its id, the beginning ' +
      'of it, or its URL; a key by its id. A name that may mean several is refused with the list of them.',
    '## Options of every command',
    optionTable(program),
    '## Exit codes',
    table(
      ['code', 'meaning'],
      EXIT_CODES.map(([exitCode, means]) => [String(exitCode), means]),
    ),
    '## Commands',
    table(
      ['command', ''],
      commands.map((command) => [`[${code(nameOf(command))}](#${anchorOf(command)})`, command.description()]),
    ),
    ...commands.flatMap(section),
  );
}

function leavesOf(command: Command): Command[] {
  const below = command
    .createHelp()
    .visibleCommands(command)
    .filter((each) => each.name() !== 'help');
  return below.length === 0 ? [command] : below.flatMap(leavesOf);
}

function section(command: Command): string[] {
  const help = command.createHelp();
  const args = help.visibleArguments(command);
  const usage = `${nameOf(command)} ${command.usage()}`;
  return [
    `### ${nameOf(command)}`,
    sentence(command.description()),
    ['```text', `npx holdfast ${usage}`, '```'].join('\n'),
    ...(args.length === 0
      ? []
      : [
          table(
            ['argument', ''],
            args.map((each) => [code(each.name()), aboutArgument(each)]),
          ),
        ]),
    ...(optionsOf(command).length === 0 ? [] : [optionTable(command)]),
    ...afterHelp(command),
  ];
}

function optionTable(command: Command): string {
  return table(
    ['option', ''],
    optionsOf(command).map((option) => [code(option.flags), aboutOption(command, option)]),
  );
}

function optionsOf(command: Command): Option[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .filter(({ long }) => long !== '--help');
}

function aboutOption(command: Command, option: Option): string {
  const required = option.mandatory ? ' Required.' : '';
  return `${sentence(command.createHelp().optionDescription(option))}${required}`;
}

function aboutArgument(argument: Argument): string {
  return sentence(
    argument.argChoices === undefined
      ? argument.description
      : `${argument.description}: ${argument.argChoices.join(', ')}`,
  );
}

/** The examples that stand after the options in the help, and what follows them. */
function afterHelp(command: Command): string[] {
  const text = afterTextOf(command);
  const blocks: string[] = [];
  for (const paragraph of text.trim().split('\n\n')) {
    const lines = paragraph.split('\n');
    const examples = lines.filter((line) => line.startsWith('  $ ')).map((line) => line.slice('  $ '.length));
    if (examples.length > 0) blocks.push(['```text', ...examples, '```'].join('\n'));
    else if (paragraph !== '')
      blocks.push(
        lines
          .map((line) => line.trim())
          .join(' ')
          .replaceAll(/[<*]/g, '\\$&'),
      );
  }
  return blocks;
}

/** What `addHelpText('after')` was given. */
function afterTextOf(command: Command): string {
  const printed: string[] = [];
  const context = { error: false, command, write: (text: string) => void printed.push(text) };
  // Its typings leave out what it has of an EventEmitter.
  (command as Command & { emit: (event: string, context: object) => void }).emit('afterHelp', context);
  return printed.join('');
}

function nameOf(command: Command): string {
  const { parent } = command;
  return parent?.parent ? `${nameOf(parent)} ${command.name()}` : command.name();
}

function anchorOf(command: Command): string {
  return nameOf(command).replaceAll(' ', '-');
}

function sentence(text: string): string {
  if (text === '') return text;
  // Neither a tag nor emphasis.
  const plain = text.replaceAll(/[<*]/g, '\\$&');
  return `${plain[0]?.toUpperCase()}${plain.slice(1)}.`;
}
