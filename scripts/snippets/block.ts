/** What the words after the language of a fenced block ask for: `sh run=first background`. */
interface Marks {
  /** The session that runs it. */
  readonly run?: string;
  /** It runs until the session ends; the name, `` without one, is for `output=<name>`. */
  readonly background?: string;
  /** It is written into the folder of the session under this name. */
  readonly file?: string;
  /** Why it cannot be run. */
  readonly notRun?: string;
  /** The test that reads it from the page and runs it. */
  readonly testedBy?: string;
  /** What was printed: by the block before, `` , or by the background block of this name. */
  readonly output?: string;
  /** A program that a machine may lack: without it the block is not run. */
  readonly needs?: string;
  /** Declarations for the types of the page's later blocks. */
  readonly given: boolean;
}

/** A fenced block of a page. */
export interface Block {
  /** From the root of the repository. */
  readonly page: string;
  /** Of the fence, from 1. The first line of the code is the next one. */
  readonly line: number;
  /** The first word after the fence, `` without one. */
  readonly language: string;
  readonly marks: Marks;
  /** Words that are no mark. */
  readonly unknown: readonly string[];
  /** With a line break at its end; indentation of the fence left out. */
  readonly code: string;
}

const FENCE = /^( *)(```+|~~~+)(.*)$/;
/** A name, and after `=` a word or a text in quotation marks. */
const WORD = /([^\s="]+)(?:=(?:"([^"]*)"|(\S*)))?/g;
/** Marks with a value that may not be left out. */
const WITH_VALUE = {
  run: 'run',
  file: 'file',
  needs: 'needs',
  'not-run': 'notRun',
  'tested-by': 'testedBy',
} as const;
/** Marks whose value is a name that may be left out. */
const WITH_NAME = { background: 'background', output: 'output' } as const;

/** The fenced blocks of a page, those in its comments too: a reader does not see them, and a session runs them. */
export function blocksOf(page: string, text: string): Block[] {
  const blocks: Block[] = [];
  let open: { line: number; indent: string; fence: string; info: string; code: string[] } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const [, indent = '', fence = '', info = ''] = FENCE.exec(line) ?? [];
    if (open === undefined) {
      if (fence !== '') open = { line: index + 1, indent, fence, info, code: [] };
    } else if (fence.startsWith(open.fence) && info.trim() === '') {
      const { code, info: words, line: start } = open;
      blocks.push({ page, line: start, ...markedBy(words), code: code.map((each) => `${each}\n`).join('') });
      open = undefined;
    } else {
      open.code.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line.trimStart());
    }
  }
  return blocks;
}

function markedBy(info: string): Pick<Block, 'language' | 'marks' | 'unknown'> {
  const [, language = '', words = ''] = /^\s*(\S*)(.*)$/.exec(info) ?? [];
  const marks: { -readonly [Name in keyof Marks]: Marks[Name] } = { given: false };
  const unknown: string[] = [];
  for (const [word, name = '', quoted, plain] of words.matchAll(WORD)) {
    const value = quoted ?? plain;
    if (name in WITH_VALUE && value) marks[WITH_VALUE[name as keyof typeof WITH_VALUE]] = value;
    else if (name in WITH_NAME) marks[WITH_NAME[name as keyof typeof WITH_NAME]] = value ?? '';
    else if (name === 'given' && value === undefined) marks.given = true;
    else unknown.push(word);
  }
  return { language, marks, unknown };
}
