import { readFileSync, readdirSync } from 'node:fs';
import { z } from 'zod';
import { expand } from './expand.ts';
import { type Scenario, scenario } from './scenario.ts';

const FOLDER = new URL('../../scenarios/', import.meta.url);

/** All scenarios, by name. Raises an error that names the file and the field when one is not what the schema says. */
export function loadScenarios(): Scenario[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .toSorted()
    .map((file) => readScenario(file.replace('.json', ''), readFileSync(new URL(file, FOLDER), 'utf8')));
}

export function readScenario(name: string, text: string): Scenario {
  const parsed = scenario.safeParse(expand(JSON.parse(text)));
  if (!parsed.success) throw new Error(`scenarios/${name}.json: ${z.prettifyError(parsed.error)}`);
  return { ...parsed.data, name };
}
