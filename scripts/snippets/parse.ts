import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { runCommand } from '@holdfast/local/run-command';
import type { Block } from './block.ts';
import { type Fault, faultAt } from './plan.ts';
import { findOrBringProgram } from './programs.ts';

/** The programs that parse a language. */
const TOOLS = {
  python: { program: 'python3', args: ['-c', 'import ast, sys; ast.parse(sys.argv[1])'] },
  go: { program: 'gofmt', args: [] },
  sh: { program: 'bash', args: ['-n', '-c'] },
} as const;
const METRICS_PAGE = 'docs/reference/metrics.md';

export interface Parsed {
  readonly faults: readonly Fault[];
  /** Blocks whose tool is not there and cannot be brought, with the reason. */
  readonly missed: readonly { readonly block: Block; readonly why: string }[];
}

/** Parses blocks by their language. Scripts of npm that a command line names have to exist, metrics in a query as well. */
export async function parseBlocks(blocks: readonly Block[], announce: (line: string) => void): Promise<Parsed> {
  const faults: Fault[] = [];
  const missed: { block: Block; why: string }[] = [];
  const [scripts, metrics] = await Promise.all([npmScripts(), readFile(join(repositoryRoot, METRICS_PAGE), 'utf8')]);
  for (const block of blocks) {
    const language = block.language === 'bash' ? 'sh' : block.language;
    if (language === 'python' || language === 'go' || language === 'sh') {
      const outcome = await parseByTool(language, block.code, announce);
      if ('missing' in outcome) missed.push({ block, why: outcome.missing });
      else if (outcome.fault !== null) faults.push(faultAt(block, outcome.fault));
    }
    const fault = faultOf(language, block, scripts, metrics);
    if (fault !== null) faults.push(faultAt(block, fault));
  }
  return { faults, missed };
}

function faultOf(language: string, { code }: Block, scripts: ReadonlySet<string>, metrics: string): string | null {
  switch (language) {
    case 'json':
      return jsonFault(code);
    case 'yaml':
      return parseAllDocuments(code).flatMap(({ errors }) => errors)[0]?.message ?? null;
    case 'ini':
      return iniFault(code);
    case 'promql':
      return unknownMetric(code, metrics);
    case 'sh':
      return unknownScript(code, scripts);
    default:
      return null;
  }
}

function jsonFault(code: string): string | null {
  try {
    JSON.parse(code);
    return null;
  } catch (error) {
    if (error instanceof SyntaxError) return error.message;
    throw error;
  }
}

/** Comments, sections, and assignments in a section. */
function iniFault(code: string): string | null {
  const strange = code.split('\n').find((line) => !/^\s*($|[#;]|\[[^\]]+\]\s*$|[\w.-]+\s*=)/.test(line));
  return strange === undefined ? null : `no section and no assignment: ${strange}`;
}

function unknownMetric(code: string, metrics: string): string | null {
  const names = code.match(/\bholdfast_\w+/g) ?? [];
  const unknown = names.find((name) => !metrics.includes(`\`${name.replace(/_(bucket|sum|count)$/, '')}\``));
  return unknown === undefined ? null : `${unknown} is no metric of ${METRICS_PAGE}`;
}

function unknownScript(code: string, scripts: ReadonlySet<string>): string | null {
  const unknown = [...code.matchAll(/\bnpm run (?:-\S+ )*([\w:-]+)/g)].find(([, name = '']) => !scripts.has(name));
  return unknown === undefined ? null : `package.json has no script "${unknown[1]}"`;
}

async function npmScripts(): Promise<Set<string>> {
  const { scripts } = JSON.parse(await readFile(join(repositoryRoot, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  return new Set(Object.keys(scripts));
}

async function parseByTool(
  language: keyof typeof TOOLS,
  code: string,
  announce: (line: string) => void,
): Promise<{ fault: string | null } | { missing: string }> {
  const { program, args } = TOOLS[language];
  const found = await findOrBringProgram(program, announce);
  if ('missing' in found) return found;
  // gofmt reads a part of a file from its input only.
  const [command, given] =
    language === 'go'
      ? ['sh', ['-c', `printf %s "$1" | "$0" -e > /dev/null`, found.program, code]]
      : [found.program, [...args, code]];
  const { code: status, printed } = await runCommand(command, given, process.env);
  return { fault: status === 0 ? null : (printed.split('\n').at(-1) ?? 'it cannot be parsed') };
}
