import type { Values } from './helm.ts';

/** Values of each type that some value of the chart may have: what fits is for the schema to say. */
const STRINGS = [
  'changed',
  'rediss://changed',
  'https://changed.example',
  'wss://changed.example',
  `sha256:${'1'.repeat(64)}`,
  'error',
  'Never',
  'LoadBalancer',
  'NodePort',
  '7s',
  '51%',
  '17Mi',
  'ReadWriteOnce',
  'always_on',
  'auto',
];
const LISTS = [
  [],
  ['changed'],
  ['changed:1'],
  ['192.0.2.0/24'],
  [7],
  [{ name: 'changed' }],
  [{ name: 'changed', mountPath: '/changed' }],
  [{ configMapRef: { name: 'changed' } }],
  [{ podSelector: {} }],
  [{ ports: [{ port: 7 }] }],
  [{ path: '/changed', pathType: 'Exact' }],
  [{ type: 'Exact', value: '/changed' }],
  [{ maxSkew: 2, topologyKey: 'changed', whenUnsatisfiable: 'DoNotSchedule' }],
  [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'changed' } }],
];
const MAPS = [
  {},
  { changed: 'yes' },
  { podAffinity: { changed: 'yes' } },
  { requests: { cpu: '3' } },
  { request: '7s' },
];

/** The values with another one at the path, in all ways that may be valid. */
export function changesOf(values: Values, path: readonly string[]): Values[] {
  const before = valueAt(values, path);
  return candidates(before)
    .filter((after) => JSON.stringify(after) !== JSON.stringify(before))
    .map((after) => withValue(values, path, after));
}

function candidates(before: unknown): readonly unknown[] {
  if (typeof before === 'boolean') return [!before];
  if (typeof before === 'number') return [before + 1];
  if (typeof before === 'string') return STRINGS;
  return Array.isArray(before) ? LISTS : MAPS;
}

export function valueAt(values: Values, path: readonly string[]): unknown {
  return path.reduce<unknown>((node, key) => (node as Values | undefined)?.[key], values);
}

/** A copy with this at the path. */
export function withValue(values: Values, [key = '', ...rest]: readonly string[], value: unknown): Values {
  const below = (values[key] ?? {}) as Values;
  return { ...values, [key]: rest.length === 0 ? value : withValue(below, rest, value) };
}
