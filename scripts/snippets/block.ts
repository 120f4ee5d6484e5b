import { type Token, lexer } from 'marked';

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
  /** Why nothing can check it, when it is code that is no whole fenced block. */
  readonly malformed?: string;
}

const FENCE = /^ *(```+|~~~+)(.*)$/;
const COMMENT = /^\s*<!--([\s\S]*?)-->/;
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

/**
 * The fenced blocks of a page, those in lists, quotations and comments too: a reader does not see a comment, and a session
 * runs what is in it. Other code (`<pre>`, indented, a fence that is never closed) is given as malformed.
 */
export function blocksOf(page: string, text: string): Block[] {
  const blocks = blocksIn(lexer(text), page, 1);
  const lines = text.split(/\r\n|\r|\n/);
  const misplaced = blocks.find(
    ({ malformed, line }) => malformed === undefined && !/```|~~~/.test(lines[line - 1] ?? ''),
  );
  if (misplaced !== undefined) throw new Error(`${page}:${misplaced.line}: the parser has this block on another line`);
  return blocks;
}

/** `line`: of the first token. The texts of tokens in lists and quotations lack their margin, and no line. */
function blocksIn(tokens: readonly Token[], page: string, line: number): Block[] {
  let at = line;
  return tokens.flatMap((token) => {
    const start = at;
    at += token.raw.split('\n').length - 1;
    return blocksOfToken(token, page, start);
  });
}

function blocksOfToken(token: Token, page: string, line: number): Block[] {
  switch (token.type) {
    case 'code':
      return [fencedBlock(token.raw, String(token['text']), page, line)];
    case 'html':
      return blocksInHtml(token.raw, page, line);
    case 'list':
      return blocksIn(token['items'] as Token[], page, line);
    case 'table': {
      const { header, rows } = token as unknown as { header: Cell[]; rows: Cell[][] };
      // The head and the line below it.
      const cells = [header, [], ...rows];
      return cells.flatMap((row, index) => row.flatMap(({ tokens }) => blocksIn(tokens, page, line + index)));
    }
    default:
      return blocksIn(('tokens' in token && token.tokens) || [], page, line);
  }
}

interface Cell {
  readonly tokens: Token[];
}

function fencedBlock(raw: string, code: string, page: string, line: number): Block {
  const lines = raw.trimEnd().split('\n');
  const [, fence, info = ''] = FENCE.exec(lines[0] ?? '') ?? [];
  // Empty lines may stand before indented code.
  if (fence === undefined)
    return malformedBlock(page, line + emptyLines(raw), 'nothing checks indented code: it needs a fence');
  const block = { page, line, ...markedBy(info), code: code === '' ? '' : `${code}\n` };
  const last = lines.length > 1 ? (lines.at(-1) ?? '').trim() : '';
  const isClosed = last.startsWith(fence) && new Set(last).size === 1;
  return isClosed ? block : { ...block, malformed: 'this fence is never closed' };
}

function emptyLines(raw: string): number {
  return (/^(?:[ \t]*\n)*/.exec(raw)?.[0] ?? '').split('\n').length - 1;
}

/** A comment has blocks; other HTML takes all that is in it for text. */
function blocksInHtml(raw: string, page: string, line: number): Block[] {
  const [comment, inner = ''] = COMMENT.exec(raw) ?? [];
  if (comment !== undefined) {
    const after = line + comment.split('\n').length - 1;
    // Indented text of a comment is no code: a reader does not see it.
    const inside = blocksIn(lexer(inner), page, line).filter(({ language, malformed: why }) => language !== '' || !why);
    return [...inside, ...blocksInHtml(raw.slice(comment.length), page, after)];
  }
  return raw.split('\n').flatMap((text, index) => {
    if (/<pre\b/i.test(text)) return [malformedBlock(page, line + index, 'nothing checks <pre>: it needs a fence')];
    if (FENCE.test(text))
      return [malformedBlock(page, line + index, 'a fence in HTML is text: it needs an empty line before it')];
    return [];
  });
}

function malformedBlock(page: string, line: number, why: string): Block {
  return { page, line, ...markedBy(''), code: '', malformed: why };
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
