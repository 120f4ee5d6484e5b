import { alerts } from './alerts.ts';
import { rows } from './panels.ts';

/** What the check knows of a metric. */
interface KnownMetric {
  readonly name: string;
  readonly kind: string;
  readonly labels: readonly string[];
}

/** Labels that are not the metric's own: those of a scrape, of every sample, and of buckets. */
const COMMON = ['job', 'instance', 'service', 'le'];
const NAME = /holdfast_[a-z0-9_]+/g;
const PARTS = /_(bucket|sum|count)$/;

/** Names each metric in a panel or an alert that no service has, and each label that it does not have. */
export function metricFaults(metrics: readonly KnownMetric[]): string[] {
  const known = new Map(metrics.map((metric) => [metric.name, metric]));
  const queries = [
    ...rows.flatMap(({ panels }) =>
      panels.flatMap(({ title, lines }) =>
        Object.values(lines).map((query) => ({ where: `the panel "${title}"`, query })),
      ),
    ),
    ...alerts.map(({ name, expression }) => ({ where: `the alert ${name}`, query: expression })),
  ];
  return queries.flatMap(({ where, query }) => queryFaults(query, known).map((fault) => `${where}: ${fault}`));
}

export function queryFaults(query: string, known: ReadonlyMap<string, KnownMetric>): string[] {
  const names = [...new Set(query.match(NAME))];
  const metrics = names.map((name) => known.get(name) ?? histogramOf(name, known));
  const unknown = names.filter((_, index) => metrics[index] === undefined);
  if (unknown.length > 0) return unknown.map((name) => `${name} is no metric`);
  if (names.length === 0) return ['names no metric'];
  const labels = new Set([...COMMON, ...metrics.flatMap((metric) => metric?.labels ?? [])]);
  return [...labelsIn(query)]
    .filter((label) => !labels.has(label))
    .map((label) => `${names.join(', ')}: no label ${label}`);
}

function histogramOf(name: string, known: ReadonlyMap<string, KnownMetric>): KnownMetric | undefined {
  if (!PARTS.test(name)) return undefined;
  const metric = known.get(name.replace(PARTS, ''));
  return metric?.kind === 'histogram' ? metric : undefined;
}

/** Those that samples are chosen or grouped by. */
function labelsIn(query: string): Set<string> {
  const matched = [...query.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label = '']) => label);
  const grouped = [...query.matchAll(/\b(?:by|on|without|ignoring)\s*\(([^)]*)\)/g)].flatMap(([, list = '']) =>
    list.split(',').map((label) => label.trim()),
  );
  return new Set([...matched, ...grouped].filter((label) => label !== ''));
}
