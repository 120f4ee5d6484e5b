import { z } from 'zod';
import { scenario } from './scenario.ts';

/** The schema of a scenario's file, for editors and other languages, as `scenario.schema.json` has it. */
export function scenarioJsonSchema(): string {
  return `${JSON.stringify(z.toJSONSchema(scenario, { target: 'draft-2020-12', reused: 'ref' }), null, 2)}\n`;
}
