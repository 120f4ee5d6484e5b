import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { findOnPath } from '@holdfast/local/find-on-path';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { parse, parseAllDocuments } from 'yaml';
import type { Container, Manifest, Pod } from './manifest.ts';

export const CHART = join(repositoryRoot, 'deploy/helm/holdfast');
/** What is rendered does not depend on it; Chart.yaml has the oldest. */
const KUBERNETES = '1.34.0';

/** HELM, or helm of PATH; null: there is none. */
export const helm = process.env['HELM'] ?? (await findOnPath('helm', process.env['PATH']));

export type Values = Record<string, unknown>;

export interface Rendered {
  readonly text: string;
  readonly objects: readonly Manifest[];
  /** All of a kind. */
  readonly of: (kind: string) => Manifest[];
  /** The only object of this kind whose name ends so. Raises an error when there is none, or another. */
  readonly one: (kind: string, ending?: string) => Manifest;
}

/** helm has refused the values. */
export class HelmError extends Error {}

/** What helm has printed, by the values as JSON: it is started once for each. */
const printed = new Map<string, string>();

/** What `helm template` prints of these values over those of the chart. Raises a HelmError with what helm says. */
export function printedBy(values: Values): string {
  const input = JSON.stringify(values);
  const before = printed.get(input);
  if (before !== undefined) return before;
  const args = ['template', 'holdfast', CHART, '--namespace', 'push', '--kube-version', KUBERNETES, '--values', '-'];
  const { status, stdout, stderr } = spawnSync(helm ?? '', args, { encoding: 'utf8', input });
  if (status !== 0) throw new HelmError(stderr);
  printed.set(input, stdout);
  return stdout;
}

/** The same, read: its objects. */
export function render(values: Values): Rendered {
  const text = printedBy(values);
  // As Kubernetes reads them: 0440 is octal.
  const documents = parseAllDocuments(text, { version: '1.1' });
  const objects = documents.flatMap((document) => (document.toJS() as Manifest | null) ?? []);
  const of: Rendered['of'] = (kind) => objects.filter((object) => object.kind === kind);
  return {
    text,
    objects,
    of,
    one(kind, ending = '') {
      const [found, ...others] = of(kind).filter(({ metadata }) => metadata.name.endsWith(ending));
      if (found === undefined || others.length > 0) throw new Error(`${others.length + 1} of ${kind} …${ending}`);
      return found;
    },
  };
}

/** The files of values in a folder of the chart, by name. */
export function valuesFiles(folder: 'ci' | 'examples'): [name: string, values: Values][] {
  const names = readdirSync(join(CHART, folder)).filter((name) => name.endsWith('.yaml'));
  return names.toSorted().map((name) => [`${folder}/${name}`, readValues(`${folder}/${name}`)]);
}

/** Of a file of the chart. */
export function readValues(file: string): Values {
  return parse(readFileSync(join(CHART, file), 'utf8')) as Values;
}

/** As helm lays values over each other: maps by key, all else as a whole. */
export function merged(base: Values, over: Values): Values {
  const entries = Object.entries(over).map(([key, value]) => {
    const before = base[key];
    return [key, isMap(before) && isMap(value) ? merged(before, value) : value] as const;
  });
  return { ...base, ...Object.fromEntries(entries) };
}

function isMap(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function podOf({ spec: { template } }: Manifest): Pod {
  if (template === undefined) throw new Error('an object without pods');
  return template.spec;
}

export function containerOf(deployment: Manifest): Container {
  const [container] = podOf(deployment).containers;
  if (container === undefined) throw new Error('a pod without a container');
  return container;
}

/** A container's variables by name: the value, or where it is from. A later one of the same name counts. */
export function variablesOf(deployment: Manifest): Values {
  return Object.fromEntries(
    containerOf(deployment).env.map(({ name, value, valueFrom }) => [name, value ?? valueFrom]),
  );
}
