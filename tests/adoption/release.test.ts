import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

interface Step {
  readonly run?: string;
  readonly uses?: string;
}

interface Job {
  readonly permissions: Readonly<Record<string, string>>;
  readonly steps: readonly Step[];
  readonly outputs?: Readonly<Record<string, string>>;
}

const text = readFileSync(join(repositoryRoot, '.github/workflows/release.yml'), 'utf8');
const { jobs } = parse(text) as { jobs: Readonly<Record<'build' | 'publish', Job>> };

function commandsOf({ steps }: Job): string {
  return steps.map(({ run = '' }) => run.replaceAll('\\\n', ' ')).join('\n');
}

/** Not the workflow itself, which needs its host: that decision 66 holds in what it says. */
describe('the workflow Release', () => {
  const build = commandsOf(jobs.build);
  const publish = commandsOf(jobs.publish);

  it('builds with the right to read alone', () => {
    expect(jobs.build.permissions).toEqual({ contents: 'read' });
  });

  it('installs, builds and runs nothing of the repository or of a dependency beside rights to publish', () => {
    const programs = /\b(npx|node|pip|python3?|make|docker)\s|\bnpm (?!publish\b)|\bhelm (package|dependency)\b/g;
    expect(publish.match(programs) ?? []).toEqual([]);
    expect(publish.match(/npm publish .*/g)).toEqual([expect.stringContaining('--ignore-scripts')]);
    const actions = jobs.publish.steps.map(({ uses = '' }) => uses.split('@')[0]);
    expect(actions.filter((name) => name === 'docker/build-push-action' || name === 'docker/bake-action')).toEqual([]);
    expect(build).toMatch(/npm ci/);
  });

  it.each(['control-api', 'socket-edge'])('makes %s once, starts it, and pushes that archive', (part) => {
    expect(build.match(/docker buildx bake/g)).toHaveLength(1);
    expect(build).toContain(`--set "$(archive ${part})"`);
    // The digest is known before anything is published: the chart and the attestation name it.
    expect(jobs.build.outputs?.[part]).toBe(`\${{ steps.images.outputs.${part} }}`);
    expect(publish).toContain(`push ${part} `);
    expect(text).toContain(`subject-digest: \${{ needs.build.outputs.${part} }}`);
    const order = [
      build.indexOf('docker buildx bake'),
      build.indexOf('docker compose up'),
      build.indexOf('holdfast --version'),
      build.indexOf('scripts/chart/release.ts'),
      build.indexOf('helm package'),
    ];
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(order).not.toContain(-1);
  });

  it('publishes files of the artefact alone', () => {
    const sent = publish.match(/oci-archive:\S+|helm push "[^"]+"|for tarball in \S+|(?<=--notes-file )\S+ \S+ \S+/g);
    expect(sent?.map((one) => /dist\/\w+/.exec(one)?.[0])).toEqual([
      'dist/images',
      'dist/release',
      'dist/packages',
      'dist/notes',
    ]);
    const actions = jobs.build.steps.filter(({ uses }) => uses?.startsWith('actions/upload-artifact@'));
    expect(actions).toMatchObject([{ with: { path: 'dist/' } }]);
  });
});
