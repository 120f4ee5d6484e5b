import type { Argument, Command, Option } from 'commander';

/** What stands at the cursor: what may be written there, by the definition of the commands. */
export interface Place {
  /** The command that the words before name. */
  readonly command: Command;
  /** The beginning that is typed already. */
  readonly typed: string;
  /** Set when the value of an option is typed; `--name=` stands before it when it is joined to its option. */
  readonly option: { readonly of: Option; readonly joined: string } | null;
  /** The argument whose turn it is. */
  readonly argument: Argument | null;
  /** Whether a subcommand may be named. */
  readonly takesSubcommand: boolean;
  /** Whether an option may be: not after `--`. */
  readonly takesOption: boolean;
  /** Values of options that are typed already, by their long names. */
  readonly given: ReadonlyMap<string, string>;
}

/** Reads a line up to the cursor, as commander would. @param words what follows the program's name; the last is at the cursor, and may be empty */
export function placeOf(program: Command, words: readonly string[]): Place {
  const given = new Map<string, string>();
  const before = words.slice(0, -1);
  const typed = words.at(-1) ?? '';
  let command = program;
  let positionals = 0;
  let isOver = false;
  let open: Option | null = null;
  for (const word of before) {
    const takesWord: boolean = open !== null && (open.required || !word.startsWith('-'));
    if (open !== null && takesWord) {
      given.set(open.long ?? '', word);
      open = null;
      continue;
    }
    open = null;
    if (!isOver && word === '--') {
      isOver = true;
    } else if (!isOver && word.startsWith('-')) {
      const [name, value] = splitOnce(word);
      const option = optionsOf(command).find(({ long, short }) => long === name || short === name);
      if (value !== undefined) given.set(name, value);
      else if (option !== undefined && (option.required || option.optional)) open = option;
    } else {
      const next: Command | undefined =
        positionals === 0 ? subcommandsOf(command).find((each) => each.name() === word) : undefined;
      if (next === undefined) positionals += 1;
      else command = next;
    }
  }
  const joined = !isOver && typed.startsWith('--') && typed.includes('=') ? splitOnce(typed) : null;
  if (joined !== null) {
    const [name, value = ''] = joined;
    const of = optionsOf(command).find(({ long }) => long === name);
    const option = of === undefined ? null : { of, joined: `${name}=` };
    return { command, typed: value, option, argument: null, takesSubcommand: false, takesOption: false, given };
  }
  const mustBeValue = open !== null && (open.required || !typed.startsWith('-'));
  return {
    command,
    typed,
    option: open !== null && mustBeValue ? { of: open, joined: '' } : null,
    argument: open?.required === true ? null : argumentAt(command, positionals),
    takesSubcommand: positionals === 0 && !isOver && open?.required !== true,
    takesOption: !isOver && open?.required !== true,
    given,
  };
}

/** Those of a command that are shown, and those of the commands above it. */
export function optionsOf(command: Command): Option[] {
  const own = command.createHelp().visibleOptions(command);
  return command.parent === null
    ? own
    : [...own, ...optionsOf(command.parent).filter(({ long }) => own.every((option) => option.long !== long))];
}

export function subcommandsOf(command: Command): Command[] {
  return command.createHelp().visibleCommands(command);
}

function argumentAt(command: Command, index: number): Argument | null {
  const { registeredArguments } = defaultOf(command);
  const last = registeredArguments.at(-1);
  return registeredArguments[index] ?? (last?.variadic === true ? last : null);
}

/** The command that runs when no subcommand is named. */
function defaultOf(command: Command): Command {
  // Its typings leave it out.
  // oxlint-disable-next-line no-underscore-dangle -- commander's own name
  const name = (command as Command & { _defaultCommandName: string | null })._defaultCommandName;
  return subcommandsOf(command).find((each) => each.name() === name) ?? command;
}

function splitOnce(word: string): [string, string?] {
  const at = word.indexOf('=');
  return at === -1 ? [word] : [word.slice(0, at), word.slice(at + 1)];
}
