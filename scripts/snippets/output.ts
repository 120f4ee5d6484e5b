/** Stands for anything in a line; alone in a line, for any number of lines. */
const ANYTHING = '…';

/** Why a text is not what a page shows, or null. `all`: the text has to be all of it, otherwise part of it. */
export function outputFault(shown: string, printed: string): string | null {
  return patternOf(shown, 'all').test(tidy(printed)) ? null : differs(shown, printed);
}

/** Where in a text the lines that a page shows end, searched from an offset; -1 without them. */
export function outputEnd(shown: string, printed: string, from: number): number {
  const found = patternOf(shown, 'part').exec(tidy(printed).slice(from));
  return found === null ? -1 : from + found.index + found[0].length;
}

export function differs(shown: string, printed: string): string {
  return `the page shows\n${indented(shown)}\nand it prints\n${indented(printed)}`;
}

/** The last lines of what was printed, for a message. */
export function lastLines(printed: string): string {
  const MOST = 20;
  return indented(tidy(printed).split('\n').slice(-MOST).join('\n'));
}

function patternOf(shown: string, which: 'all' | 'part'): RegExp {
  const lines = tidy(shown)
    .trimEnd()
    .split('\n')
    .map((line) => (line.trim() === ANYTHING ? '(?:.*\\n)*?' : `${linePattern(line)}\\n`));
  return which === 'all' ? new RegExp(`^${lines.join('')}$`) : new RegExp(`^${lines.join('')}`, 'm');
}

function linePattern(line: string): string {
  return line.split(ANYTHING).map(escaped).join('.*');
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

/** Without spaces at the ends of lines, and with one line break at the end. */
function tidy(text: string): string {
  return `${text.replaceAll(/[ \t\r]+$/gm, '').trimEnd()}\n`;
}

function indented(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}
