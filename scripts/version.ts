import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// Turns the changesets into the next version: of all packages, which share one, and a section of CHANGELOG.md.
// The procedure is in docs/releasing.md. `npm run release:version` starts it.

const ROOT = new URL('../', import.meta.url);
const SECTIONS = { major: 'Changed', minor: 'Added', patch: 'Fixed' } as const;

type Kind = keyof typeof SECTIONS;

interface Change {
  readonly kind: Kind;
  readonly summary: string;
}

const changes = readChanges();
if (changes.length === 0) {
  process.stderr.write('There is no changeset: nothing to release.\n');
  process.exitCode = 1;
} else {
  run('changeset', 'version');
  const version = versionOf('packages/protocol/package.json');
  edit('package.json', (text) => text.replace(/"version": "[^"]*"/, `"version": "${version}"`));
  edit('sdk/python/pyproject.toml', (text) => text.replace(/^version = .*$/m, `version = "${version}"`));
  edit('deploy/helm/holdfast/Chart.yaml', (text) => text.replaceAll(/^(version|appVersion): .*$/gm, `$1: ${version}`));
  edit('CHANGELOG.md', (text) => withSection(text, version));
  run('npm', 'install', '--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund');
  process.stdout.write(`${version}: read CHANGELOG.md, then commit.\n`);
}

/** The largest kind of a changeset is the kind of its change. */
function readChanges(): Change[] {
  const names = readdirSync(new URL('.changeset/', ROOT)).filter((name) => /^(?!README).*\.md$/.test(name));
  return names.flatMap((name) => {
    const text = readFileSync(new URL(`.changeset/${name}`, ROOT), 'utf8');
    const [, head = '', body = ''] = /^---\n(.*?)\n---\n(.*)$/s.exec(text) ?? [];
    const kind = (['major', 'minor', 'patch'] as const).find((word) => head.includes(`: ${word}`));
    return kind === undefined ? [] : [{ kind, summary: body.trim().replaceAll(/\s+/g, ' ') }];
  });
}

function withSection(text: string, version: string): string {
  const parts = (['minor', 'major', 'patch'] as const).flatMap((kind) => {
    const lines = changes.filter((change) => change.kind === kind).map(({ summary }) => `- ${summary}`);
    return lines.length === 0 ? [] : [`### ${SECTIONS[kind]}\n\n${lines.join('\n')}\n`];
  });
  const date = new Date().toISOString().slice(0, 10);
  return text.replace(/^## /m, () => `## [${version}] - ${date}\n\n${parts.join('\n')}\n## `);
}

function versionOf(path: string): string {
  const { version } = JSON.parse(readFileSync(new URL(path, ROOT), 'utf8')) as { version: string };
  return version;
}

function edit(path: string, change: (text: string) => string): void {
  writeFileSync(new URL(path, ROOT), change(readFileSync(new URL(path, ROOT), 'utf8')));
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { cwd: fileURLToPath(ROOT), stdio: 'inherit' });
}
