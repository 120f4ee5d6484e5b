import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cliPage } from './cli-page.ts';
import { chartReadme } from './chart/readme.ts';
import { scenarioJsonSchema } from '../packages/conformance/src/scenario/json-schema.ts';
import { decisionsPage } from './decisions-page.ts';
import { linkFaults } from './links-check.ts';
import { metricsPage, registeredMetrics } from './metrics-page.ts';
import { dashboardJson } from './monitoring/dashboard.ts';
import { metricFaults } from './monitoring/metric-faults.ts';
import { rulesYaml } from './monitoring/rules.ts';
import { pusherPage } from './pusher/page.ts';
import { pusherTestFaults } from './pusher/tests-check.ts';
import { redisKeyFaults } from './redis-keys-check.ts';
import { closeCodesPage, configurationPage, problemsPage, rfc6455Page } from './reference-pages.ts';
import { type Calls, rightsPage } from './rights-page.ts';
import { goTypes } from './sdks/go-types.ts';
import { pythonTypes } from './sdks/python-types.ts';

// Writes docs/reference/ from the code, the list of decisions, the schema of conformance scenarios, the files of
// deploy/monitoring with their copies in the chart, the page of the chart, and what the SDKs in Python and Go have of the
// protocol. With --check it writes nothing, and exits with 1 when a file is out of date, docs/redis-keys.md differs from the
// code, docs/reference/pusher.md names a test that is not there, a panel or an alert names a metric that is none, or a link
// leads nowhere; it names each of them.

const FOLDER = new URL('../docs/', import.meta.url);
const OPENAPI_PROGRAM = fileURLToPath(new URL('../apps/control-api/src/print-openapi.ts', import.meta.url));

const openapi = (await promisify(execFile)(process.execPath, [OPENAPI_PROGRAM])).stdout;

const metrics = await registeredMetrics();
const dashboard = dashboardJson();
const rules = rulesYaml();

const pages = new Map<string, string>([
  ['reference/configuration.md', configurationPage()],
  ['reference/problems.md', problemsPage()],
  ['reference/cli.md', cliPage()],
  ['reference/close-codes.md', closeCodesPage()],
  ['reference/rfc6455.md', rfc6455Page()],
  ['reference/pusher.md', pusherPage()],
  ['reference/metrics.md', metricsPage(metrics)],
  ['decisions/README.md', await decisionsPage()],
  ['reference/openapi.json', openapi],
  ['reference/rights.md', rightsPage(JSON.parse(openapi) as Calls)],
  ['../deploy/monitoring/dashboard.json', dashboard],
  ['../deploy/monitoring/rules.yml', rules],
  ['../packages/conformance/scenario.schema.json', scenarioJsonSchema()],
  // A chart reads no file outside of itself.
  ['../deploy/helm/holdfast/monitoring/dashboard.json', dashboard],
  ['../deploy/helm/holdfast/monitoring/rules.yml', rules],
  ['../deploy/helm/holdfast/README.md', chartReadme()],
  ['../sdk/python/src/holdfast/protocol.py', pythonTypes()],
  ['../sdk/go/protocol.go', goTypes()],
]);

if (process.argv.includes('--check')) await check();
else await write();

async function write(): Promise<void> {
  await mkdir(new URL('reference/', FOLDER), { recursive: true });
  for (const [name, text] of pages) await writeFile(new URL(name, FOLDER), text);
}

async function check(): Promise<void> {
  const faults = [
    ...(await redisKeyFaults()),
    ...(await pusherTestFaults()),
    ...(await linkFaults()),
    ...metricFaults([...metrics.control, ...metrics.edge]),
  ];
  for (const [name, text] of pages) {
    if ((await writtenAs(name)) !== text) faults.push(`docs/${name} is out of date: run "npm run docs"`);
  }
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  if (faults.length > 0) process.exitCode = 1;
}

async function writtenAs(name: string): Promise<string | null> {
  try {
    return await readFile(new URL(name, FOLDER), 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
