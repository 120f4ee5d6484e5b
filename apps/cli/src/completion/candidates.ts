import type { Argument, Command, Option } from 'commander';
import { type Place, optionsOf, placeOf, subcommandsOf } from './line.ts';
import { type Candidate, type Values, isValueName } from './values.ts';

/** In place of candidates: the shell completes names of files. */
export const FILES = 'files';

/**
 * A name that means the same in every shell however it is written into the line, and is no option. Names of clients are
 * given by anybody, often the `sub` of a token: quoting them is not left to shells.
 */
const PLAIN_NAME = /^[A-Za-z0-9_.@:+][A-Za-z0-9_.@:+~-]*$/;
/** The same with what options and lists are written with. */
const PLAIN_WORD = /^[A-Za-z0-9_.@:+,=-][A-Za-z0-9_.@:+~,=-]*$/;

/**
 * What may stand at the cursor, by the definition of the commands; names of topics, clients, edges and keys by what there
 * is. @param words what follows the program's name; the last is at the cursor
 */
export async function candidatesFor(
  program: Command,
  words: readonly string[],
  values: (place: Place) => Values,
): Promise<readonly Candidate[] | typeof FILES> {
  const found = await fittingFor(program, words, values);
  return found === FILES ? found : found.filter(({ word }) => PLAIN_WORD.test(word));
}

async function fittingFor(
  program: Command,
  words: readonly string[],
  values: (place: Place) => Values,
): Promise<readonly Candidate[] | typeof FILES> {
  const place = placeOf(program, words);
  if (place.option !== null) return valuesOf(place, place.option.of, values);
  if (place.typed.startsWith('-')) {
    return place.takesOption ? beginning(place.typed, optionsOf(place.command).map(ofOption)) : [];
  }
  const commands = place.takesSubcommand ? beginning(place.typed, subcommandsOf(place.command).map(ofCommand)) : [];
  if (place.argument === null) return commands;
  const further = await valuesOf(place, place.argument, values);
  return further === FILES ? further : [...commands, ...further];
}

/** Of an option or an argument: its choices, or what its name in the definition stands for. */
async function valuesOf(
  place: Place,
  of: Option | Argument,
  values: (place: Place) => Values,
): Promise<readonly Candidate[] | typeof FILES> {
  const joined = place.option?.joined ?? '';
  if (of.argChoices !== undefined) {
    return beginning(
      joined + place.typed,
      of.argChoices.map((choice) => ({ word: joined + choice, about: '' })),
    );
  }
  const name = valueName(of);
  if (name === 'path' || name === 'folder') return FILES;
  if (!isValueName(name)) return [];
  // Several in one word: the last of them is completed.
  const before = isList(of) ? place.typed.slice(0, place.typed.lastIndexOf(',') + 1) : '';
  const known = await values(place)[name](place.typed.slice(before.length));
  const found = known.filter(({ word }) => PLAIN_NAME.test(word));
  return beginning(
    joined + place.typed,
    found.map(({ word, about }) => ({ word: joined + before + word, about })),
  );
}

/** As it stands in the definition: `topic` of `<topic>`, `topics` of `[topics...]`. */
function valueName(of: Option | Argument): string {
  if (!('flags' in of)) return of.name();
  return /[<[](?<name>[^\]>.]+)/.exec(of.flags)?.groups?.['name'] ?? '';
}

function isList(of: Option | Argument): boolean {
  return valueName(of) === 'topics';
}

function ofOption({ long, short, description }: Option): Candidate {
  return { word: long ?? short ?? '', about: description };
}

function ofCommand(command: Command): Candidate {
  return { word: command.name(), about: command.description() };
}

function beginning(typed: string, candidates: readonly Candidate[]): Candidate[] {
  return candidates.filter(({ word }) => word.startsWith(typed));
}
