import { readFileSync } from 'node:fs';

/** One instruction, with continued lines joined and without its flags. */
export interface Instruction {
  readonly name: string;
  /** Of `--from=build`: `{ from: 'build' }`. */
  readonly flags: Readonly<Record<string, string>>;
  readonly text: string;
}

export interface Stage {
  /** Empty for the image itself. */
  readonly name: string;
  readonly instructions: readonly Instruction[];
}

/** The stages of a Dockerfile, as far as ours go: no heredocs, no ONBUILD. */
export function readDockerfile(file: string): Stage[] {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => !/^\s*(#|$)/.test(line))
    .join('\n')
    .replaceAll(/\s*\\\n\s*/g, ' ')
    .split('\n');
  const stages: { name: string; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const instruction = parsed(line);
    if (instruction.name === 'FROM') {
      stages.push({ name: / AS (\S+)$/i.exec(instruction.text)?.[1] ?? '', instructions: [] });
    } else {
      stages.at(-1)?.instructions.push(instruction);
    }
  }
  return stages;
}

function parsed(line: string): Instruction {
  const [, name = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
  const flags: Record<string, string> = {};
  let text = rest;
  for (let flag = /^--([\w-]+)=(\S+)\s+/.exec(text); flag !== null; flag = /^--([\w-]+)=(\S+)\s+/.exec(text)) {
    flags[flag[1] ?? ''] = flag[2] ?? '';
    text = text.slice(flag[0].length);
  }
  return { name: name.toUpperCase(), flags, text };
}

/** `["a", "b"]` of CMD and HEALTHCHECK. */
export function argumentsOf(text: string): string[] {
  return JSON.parse(text.slice(text.indexOf('['))) as string[];
}

/** The variables that an image sets. */
export function variablesOf({ instructions }: Stage): Record<string, string> {
  return Object.fromEntries(
    instructions
      .filter(({ name }) => name === 'ENV')
      .flatMap(({ text }) => text.split(' ').map((pair) => pair.split('=', 2) as [string, string])),
  );
}
