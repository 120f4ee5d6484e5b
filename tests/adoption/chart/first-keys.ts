import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHART } from './helm.ts';

/** The program of the init container that fills an empty volume of keys, out of the template: no helm is needed. */
export function firstKeysScript(): string {
  const template = readFileSync(join(CHART, 'templates/control-api/deployment.yaml'), 'utf8');
  const [, script] = /- name: first-keys\n[^]*? - \|\n((?: {14}.*\n)+)/.exec(template) ?? [];
  if (script === undefined || script.includes('{{')) throw new Error('no program of first-keys in the template');
  return script.replaceAll(/^ {14}/gm, '');
}
