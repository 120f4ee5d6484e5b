import { code, page, table } from '../markdown.ts';
import { type ChartValue, chartValues } from './values.ts';

const INSTALL = `
helm install holdfast deploy/helm/holdfast --namespace holdfast --create-namespace \\
  --set redis.url=redis://redis:6379 --set-file apiKeys.file=api-keys.json \\
  --set socketEdge.advertiseUrl=wss://push.example.com`.trim();

/** README.md of the chart: each value with its default, and the comment that stands above it in `values.yaml`. */
export function chartReadme(): string {
  const values = chartValues();
  const groups = Map.groupBy(values, ({ path }) => path.split('.')[0] ?? '');
  const alone = [...groups.values()].filter((members) => members.length === 1).flat();
  const sections = [...groups].filter(([, members]) => members.length > 1);
  return page(
    'Holdfast on Kubernetes',
    'values.yaml',
    'control-api and socket-edge, with what surrounds them. The Redis is yours. How to operate it: ' +
      '[docs/operations.md](../../../docs/operations.md#kubernetes); how to update it: ' +
      '[docs/upgrading.md](../../../docs/upgrading.md); values for ingress controllers: [examples](examples/README.md).',
    '```sh not-run="needs a cluster"\n' + INSTALL + '\n```',
    'Kubernetes 1.27 or later, Helm 3.14 or later. Every value is checked by `values.schema.json`: one that is misspelled is ' +
      'refused by name.',
    '## Values',
    tableOf(alone),
    ...sections.flatMap(([name, members]) => [`### ${name}`, ...described(name, members)]),
  );
}

function described(name: string, members: readonly ChartValue[]): string[] {
  const comment = members.find(({ path }) => path === name)?.comment ?? '';
  return [...(comment === '' ? [] : [comment]), tableOf(members.filter(({ path }) => path !== name))];
}

function tableOf(values: readonly ChartValue[]): string {
  const rows = values
    .filter((value) => value.default !== undefined || value.comment !== '')
    .map((value) => [
      code(value.path),
      value.default === undefined ? '' : code(JSON.stringify(value.default)),
      value.comment,
    ]);
  return table(['value', 'default', 'meaning'], rows);
}
