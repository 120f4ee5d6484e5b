import { CliError, exitCodes } from '../errors.ts';
import { printable, table } from '../output.ts';

/** What could have been meant: columns for a person, the first of which names it without doubt. */
interface Shown<Value> {
  readonly value: Value;
  readonly columns: readonly string[];
}

interface Question<Value> {
  /** As in "No <what> is named". */
  readonly what: string;
  /** What the person typed. */
  readonly text: string;
  readonly heading: readonly string[];
  readonly matching: readonly Shown<Value>[];
  /** What there is, listed when nothing matches; it may be left out. */
  readonly others?: readonly Shown<Value>[];
  /** In place of "No <what> is named <text>." */
  readonly missing?: string;
}

/** The one that matches. Raises CliError `no-such-name` and `ambiguous-name`, which list what there is: it never guesses. */
export function pick<Value>(question: Question<Value>): Value {
  const { what, text, heading, matching, others = [] } = question;
  const [first, second] = matching;
  if (first !== undefined && second === undefined) return first.value;
  if (first === undefined) {
    const missing = question.missing ?? `No ${what} is named "${printable(text)}".`;
    throw new CliError(
      exitCodes.refused,
      'no-such-name',
      [missing, ...listed('There are:', heading, others)].join('\n'),
    );
  }
  throw new CliError(
    exitCodes.refused,
    'ambiguous-name',
    [
      `"${printable(text)}" may be any of ${matching.length}:`,
      ...listed('', heading, matching),
      `Name it by its ${heading[0]}.`,
    ].join('\n'),
  );
}

/** A person reads no more of them. */
const MAX_LISTED = 20;

function listed(title: string, heading: readonly string[], items: readonly Shown<unknown>[]): string[] {
  if (items.length === 0) return [];
  const rows = items.slice(0, MAX_LISTED).map(({ columns }) => columns);
  const more = items.length - rows.length;
  const lines = table(
    heading.map((name) => name.toUpperCase()),
    rows,
  ).map((line) => `  ${line}`);
  return [...(title === '' ? [] : [title]), ...lines, ...(more > 0 ? [`  and ${more} more`] : [])];
}
