import { describe, expect, test } from 'vitest';
import { alerts } from './alerts.ts';
import { dashboardJson } from './dashboard.ts';
import { queryFaults } from './metric-faults.ts';
import { rows } from './panels.ts';

const known = new Map(
  [
    { name: 'holdfast_calls_total', kind: 'counter', labels: ['code'] },
    { name: 'holdfast_took_seconds', kind: 'histogram', labels: [] },
  ].map((metric) => [metric.name, metric]),
);

describe('a query', () => {
  test.each([
    'sum by (job, code) (rate(holdfast_calls_total{job=~"$job", code!="x"}[5m]))',
    'histogram_quantile(0.99, sum by (le) (rate(holdfast_took_seconds_bucket[5m])))',
    'holdfast_took_seconds_sum / holdfast_took_seconds_count',
  ])('of metrics and labels that exist is fine: %s', (query) => {
    expect(queryFaults(query, known)).toEqual([]);
  });

  test.each([
    ['rate(holdfast_cals_total[5m])', 'holdfast_cals_total is no metric'],
    ['rate(holdfast_calls_total_bucket[5m])', 'holdfast_calls_total_bucket is no metric'],
    ['sum by (cod) (holdfast_calls_total)', 'holdfast_calls_total: no label cod'],
    ['holdfast_calls_total{cod=~"x"}', 'holdfast_calls_total: no label cod'],
    ['up', 'names no metric'],
  ])('of others is not: %s', (query, fault) => {
    expect(queryFaults(query, known)).toEqual([fault]);
  });
});

interface Model {
  uid: string;
  schemaVersion: number;
  panels: {
    id: number;
    type: string;
    title: string;
    gridPos: { x: number; y: number; w: number; h: number };
    datasource?: { uid: string };
    targets?: { expr: string; refId: string }[];
  }[];
  templating: { list: { name: string; type: string; allValue?: string }[] };
}

test('the dashboard is what Grafana imports: panels in a grid, queries of the chosen data source', () => {
  const dashboard = JSON.parse(dashboardJson()) as Model;
  expect(dashboard).toMatchObject({ uid: 'holdfast', schemaVersion: 38 });
  expect(dashboard.templating.list).toMatchObject([
    { name: 'datasource', type: 'datasource' },
    { name: 'job', type: 'query', allValue: '.+' },
    { name: 'instance', type: 'query', allValue: '.+' },
  ]);
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');
  expect(panels).toHaveLength(rows.flatMap((row) => row.panels).length);
  for (const { datasource, targets = [] } of panels) {
    expect(datasource?.uid).toBe('${datasource}');
    expect(targets.length).toBeGreaterThan(0);
    expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    for (const { expr } of targets) expect(expr).toContain('job=~"$job", instance=~"$instance"');
  }
  const ids = dashboard.panels.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, index) => `${x + (index % w)} ${y + Math.floor(index / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(Math.max(...dashboard.panels.map(({ gridPos: { x, w } }) => x + w))).toBeLessThanOrEqual(24);
});

test('an alert has a name of its own, and says what to do', () => {
  expect(new Set(alerts.map(({ name }) => name)).size).toBe(alerts.length);
  for (const { name, summary, description } of alerts) {
    expect(name).toMatch(/^Holdfast[A-Z]/);
    expect(summary.length).toBeLessThan(120);
    expect(description).toMatch(/\.$/);
  }
});
