import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { findOnPath } from '../packages/local/src/find-on-path.ts';
import { repositoryRoot } from '../packages/local/src/repository-root.ts';

// Checks what is in deploy/ and .github/ with the tools of those that will read it: helm, kubeconform, hadolint, actionlint,
// Docker. A tool that this machine has not is named with what was not run for it. Exits with 1 when a tool finds a fault.
//
// KUBECONFORM_SCHEMAS: where schemas are, with commas between; the default needs the network.

const CHART = `${repositoryRoot}/deploy/helm/holdfast`;
/** The oldest that Chart.yaml allows, and a recent one. */
const KUBERNETES = ['1.27.0', '1.34.0'];
const SCHEMAS =
  process.env['KUBECONFORM_SCHEMAS'] ??
  'default,https://raw.githubusercontent.com/datreeio/CRDs-catalog/main/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json';
/** Objects of others, which the chart takes as they are. */
const WITHOUT_SCHEMA = 'BackendConfig,ExternalSecret';

/** What each tool looks at. */
const TOOLS = {
  helm: 'the chart',
  kubeconform: 'the objects of the chart against the schemas of Kubernetes',
  hadolint: 'the Dockerfiles',
  actionlint: 'the workflows',
  'docker compose': 'the compose files',
  'docker buildx': 'the bake file',
} as const;
type Tool = keyof typeof TOOLS;

const there = new Set<Tool>();
for (const tool of Object.keys(TOOLS) as Tool[]) {
  if (await isThere(tool)) there.add(tool);
  else process.stdout.write(`not run: ${tool} is not installed, which checks ${TOOLS[tool]}\n`);
}

for (const values of [null, ...valuesOf('ci'), ...valuesOf('examples')]) checkChart(values);
run('hadolint', ['apps/control-api/Dockerfile', 'apps/socket-edge/Dockerfile'], 'the Dockerfiles');
run('actionlint', [], 'the workflows');
for (const file of ['docker-compose.yml', 'deploy/docker-compose.cluster.yml']) {
  run('docker compose', ['--file', file, 'config', '--quiet'], file);
}
run('docker buildx', ['bake', '--file', 'deploy/docker/docker-bake.hcl', '--print'], 'the bake file');

function valuesOf(folder: string): string[] {
  const names = readdirSync(`${CHART}/${folder}`).filter((name) => name.endsWith('.yaml'));
  return names.toSorted().map((name) => `${CHART}/${folder}/${name}`);
}

function checkChart(values: string | null): void {
  const given = values === null ? [] : ['--values', values];
  const what = values === null ? 'the defaults' : values.slice(CHART.length + 1);
  run('helm', ['lint', '--strict', CHART, ...given], `lint with ${what}`);
  for (const version of KUBERNETES) {
    const objects = run('helm', ['template', 'holdfast', CHART, '--kube-version', version, ...given], what);
    if (objects === null) continue;
    const schemas = SCHEMAS.split(',').flatMap((location) => ['-schema-location', location]);
    const options = ['-strict', '-summary', '-skip', WITHOUT_SCHEMA, '-kubernetes-version', version, ...schemas];
    run('kubeconform', options, `${what} on Kubernetes ${version}`, objects);
  }
}

/** The output; null when there is a fault, or no such tool. */
function run(tool: Tool, args: readonly string[], what: string, input = ''): string | null {
  if (!there.has(tool)) return null;
  const [program = '', ...subcommand] = tool.split(' ');
  const { status, stdout, stderr } = spawnSync(program, [...subcommand, ...args], {
    cwd: repositoryRoot,
    encoding: 'utf8',
    input,
  });
  process.stdout.write(`${status === 0 ? 'ok' : 'FAILED'}  ${tool}: ${what}\n`);
  if (status === 0) return stdout;
  process.stdout.write(`${stdout}\n${stderr}\n`);
  process.exitCode = 1;
  return null;
}

async function isThere(tool: Tool): Promise<boolean> {
  const [program = '', plugin] = tool.split(' ');
  if ((await findOnPath(program, process.env['PATH'])) === null) return false;
  return plugin === undefined || spawnSync(program, [plugin, 'version']).status === 0;
}
