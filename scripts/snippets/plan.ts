import type { Block } from './block.ts';

/** A block that is not as it should be. Printed as `page:line: what`. */
export interface Fault {
  readonly page: string;
  readonly line: number;
  readonly what: string;
}

/** What is done with the blocks of a session, in order. */
type Step =
  | { readonly kind: 'file'; readonly block: Block; readonly name: string }
  | { readonly kind: 'run'; readonly block: Block; readonly background?: string }
  | { readonly kind: 'output'; readonly block: Block; readonly of: string };

/** The blocks of one page that share a shell. */
export interface Session {
  readonly page: string;
  readonly name: string;
  readonly steps: Step[];
}

export interface Plan {
  readonly sessions: readonly Session[];
  /** Checked by a compiler of their language. */
  readonly typed: readonly Block[];
  /** Parsed only. */
  readonly parsed: readonly Block[];
  /** Run by a test, which has to read them. */
  readonly tested: readonly Block[];
  /** Run by nothing, with a reason. */
  readonly notRun: readonly Block[];
  readonly faults: readonly Fault[];
}

const SHELL = new Set(['sh', 'bash']);
const TYPED = new Set(['ts', 'tsx', 'js', 'html']);
const PARSED = new Set(['json', 'yaml', 'python', 'go', 'ini', 'promql', ...SHELL]);
/** Languages that name another file of a session without its extension. */
const IMPORTED = new Set(['ts', 'tsx', 'js', 'python']);
/** Files that programs look for without a word of a command. */
const FOUND_BY_TOOLS = /(^|\/)(package\.json|tsconfig\.json|go\.mod|go\.work)$/;
/** Nothing to check. The test of the site draws all diagrams. */
const PLAIN = new Set(['text', 'http', 'mermaid']);

export function faultAt({ page, line }: Block, what: string): Fault {
  return { page, line, what };
}

/** Decides how each block is checked. A block that nothing would check is a fault. */
export function planOf(blocks: readonly Block[]): Plan {
  const sessions = new Map<string, Session>();
  const plan = { typed: [], parsed: [], tested: [], notRun: [], faults: [] } as Record<
    'typed' | 'parsed' | 'tested' | 'notRun',
    Block[]
  > & { faults: Fault[] };
  let current: Session | undefined;
  let page = '';
  for (const block of blocks) {
    if (block.page !== page) current = undefined;
    ({ page } = block);
    const fault = faultOf(block);
    if (fault !== undefined) {
      plan.faults.push(faultAt(block, fault));
      continue;
    }
    const { marks, language } = block;
    if (marks.output !== undefined && marks.testedBy === undefined) {
      const step = outputStep(block, current);
      if (step === undefined) plan.faults.push(faultAt(block, 'this output follows no block that prints it'));
      else current?.steps.push(step);
      continue;
    }
    if (marks.run !== undefined) {
      current = sessionOf(sessions, block, marks.run);
      current.steps.push(runStep(block));
    }
    if (marks.notRun !== undefined) plan.notRun.push(block);
    if (marks.testedBy !== undefined) {
      plan.tested.push(block);
      // What the test runs prints the next output.
      current = undefined;
    }
    if (TYPED.has(language) && marks.run === undefined && marks.notRun === undefined) plan.typed.push(block);
    else if (PARSED.has(language)) plan.parsed.push(block);
  }
  plan.faults.push(...[...sessions.values()].flatMap(unusedFiles));
  return { ...plan, sessions: [...sessions.values()] };
}

/** Files that no command of their session names, nor a file of it that one names: nothing would check them. */
function unusedFiles({ steps }: Session): Fault[] {
  const named = steps.flatMap((step) => (step.kind === 'run' ? [step.block.code] : []));
  let files = steps.filter((step) => step.kind === 'file');
  for (;;) {
    const used = files.filter(
      ({ name, block }) => FOUND_BY_TOOLS.test(name) || named.some((code) => names(code, name, block)),
    );
    if (used.length === 0) break;
    named.push(...used.map(({ block }) => block.code));
    files = files.filter((file) => !used.includes(file));
  }
  return files.map(({ name, block }) => faultAt(block, `no command of the session uses file=${name}`));
}

/** Whether code names a file: its path, its name, or, as an import does, its name without the extension. */
function names(code: string, file: string, { language }: Block): boolean {
  const base = file.split('/').at(-1) ?? '';
  const stem = base.replace(/\.\w+$/, '');
  if (language === 'go' && /\bgo (run|build|test|vet) \.(?!\w)/.test(code)) return true;
  return [base, ...(IMPORTED.has(language) ? [stem] : [])].some((name) =>
    new RegExp(String.raw`(?<![\w.-])${RegExp.escape(name)}(?![\w-])`).test(code),
  );
}

/** Why a block cannot be checked as it is marked. */
function faultOf({ language, marks, unknown, malformed }: Block): string | undefined {
  if (malformed !== undefined) return malformed;
  const [word] = unknown;
  if (word !== undefined) return `"${word}" is no mark of a block (CONTRIBUTING.md, "Snippets")`;
  const { run, background, file, notRun, testedBy, output, given } = marks;
  if (output !== undefined) return undefined;
  if (run !== undefined && !SHELL.has(language) && file === undefined) {
    return `a ${language || 'block'} in a session needs file=<name>`;
  }
  if ([run, notRun, testedBy].filter((mark) => mark !== undefined).length > 1) {
    return 'run=, not-run= and tested-by= exclude each other';
  }
  if (background !== undefined && run === undefined) return 'background needs run=<session>';
  if (file !== undefined && /^[/.]|\.\.\//.test(file)) return `file=${file} leaves the folder of the session`;
  if (given && language !== 'ts') return 'given is for ts';
  if (TYPED.has(language) || PLAIN.has(language)) return undefined;
  // Any language, as a file of a session or with a reason.
  if (run !== undefined || notRun !== undefined) return undefined;
  if (SHELL.has(language)) {
    if (testedBy !== undefined) return undefined;
    return `${language} without run=<session>, not-run="<why>" or tested-by=<test>`;
  }
  if (PARSED.has(language)) return undefined;
  return language === '' ? 'a block without a language' : `nothing checks a block of "${language}"`;
}

function sessionOf(sessions: Map<string, Session>, { page }: Block, name: string): Session {
  const id = `${page} ${name}`;
  const session = sessions.get(id) ?? { page, name, steps: [] };
  sessions.set(id, session);
  return session;
}

function runStep(block: Block): Step {
  const { file, background } = block.marks;
  if (file !== undefined) return { kind: 'file', block, name: file };
  return { kind: 'run', block, ...(background !== undefined && { background }) };
}

/** The output is that of the named background block, or of the block that ran last. */
function outputStep(block: Block, session: Session | undefined): Step | undefined {
  const of = block.marks.output ?? '';
  const runs = session?.steps.filter((step) => step.kind === 'run') ?? [];
  const printing = of === '' ? runs.at(-1) : runs.findLast(({ background }) => background === of);
  return printing === undefined ? undefined : { kind: 'output', block, of };
}
