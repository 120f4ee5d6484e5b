import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { findOnPath } from '@holdfast/local/find-on-path';
import { parse, parseAllDocuments } from 'yaml';

export const CHART = fileURLToPath(new URL('../../../deploy/helm/holdfast', import.meta.url));
/** What is rendered does not depend on it; Chart.yaml has the oldest. */
const KUBERNETES = '1.34.0';

/** HELM, or helm of PATH; null: there is none. */
export const helm = process.env['HELM'] ?? (await findOnPath('helm', process.env['PATH']));

export type Values = Record<string, unknown>;

/** An object of Kubernetes, as far as the tests look at it. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Record<string, string> };
  readonly spec: any;
  readonly [field: string]: any;
}

/** A container's variables by name: the value, or where it is from. */
export type Variables = Record<string, unknown>;

export interface Rendered {
  readonly text: string;
  readonly objects: readonly Manifest[];
  /** The only object of this kind whose name ends so. Raises an error when there is none, or another. */
  one: (kind: string, ending?: string) => Manifest;
}

export class HelmError extends Error {}

/** What `helm template` makes of these values over those of the chart. Raises a HelmError with what helm says. */
export function render(values: Values): Rendered {
  const args = ['template', 'holdfast', CHART, '--namespace', 'push', '--kube-version', KUBERNETES, '--values', '-'];
  const { status, stdout, stderr } = spawnSync(helm ?? '', args, { encoding: 'utf8', input: JSON.stringify(values) });
  if (status !== 0) throw new HelmError(stderr);
  const objects = parseAllDocuments(stdout).flatMap((document) => (document.toJS() as Manifest | null) ?? []);
  return {
    text: stdout,
    objects,
    one(kind, ending = '') {
      const found = objects.filter((object) => object.kind === kind && object.metadata.name.endsWith(ending));
      if (found.length !== 1 || found[0] === undefined) throw new Error(`${found.length} of ${kind} …${ending}`);
      return found[0];
    },
  };
}

/** The files of values in a folder of the chart, by name. */
export function valuesFiles(folder: 'ci' | 'examples'): [name: string, values: Values][] {
  const names = readdirSync(`${CHART}/${folder}`).filter((name) => name.endsWith('.yaml'));
  return names.toSorted().map((name) => [`${folder}/${name}`, readValues(`${CHART}/${folder}/${name}`)]);
}

export function readValues(file: string): Values {
  return parse(readFileSync(file, 'utf8')) as Values;
}

/** As helm lays values over each other: maps by key, all else as a whole. */
export function merged(base: unknown, over: unknown): unknown {
  if (!isMap(base) || !isMap(over)) return over;
  const entries = Object.entries(over).map(([key, value]) => [key, key in base ? merged(base[key], value) : value]);
  return { ...base, ...Object.fromEntries(entries) };
}

function isMap(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function podOf(deployment: Manifest): any {
  return deployment.spec.template.spec;
}

export function containerOf(deployment: Manifest): any {
  return podOf(deployment).containers[0];
}

/** A later variable of the same name counts, as in Kubernetes. */
export function variablesOf(deployment: Manifest): Variables {
  const env = containerOf(deployment).env as { name: string; value?: string; valueFrom?: unknown }[];
  return Object.fromEntries(env.map(({ name, value, valueFrom }) => [name, value ?? valueFrom]));
}
