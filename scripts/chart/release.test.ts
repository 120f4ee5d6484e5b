import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CHART, chartValues } from './values.ts';

const PROGRAM = fileURLToPath(new URL('release.ts', import.meta.url));
const DIGESTS = ['control-api', 'socket-edge'].map((part, index) => [
  `--${part}`,
  `sha256:${String(index).repeat(64)}`,
]);

function release(to: string, digests: readonly string[]): string {
  const args = [PROGRAM, '--registry', 'ghcr.io/acme', '--to', to, ...digests];
  execFileSync(process.execPath, args, { stdio: 'pipe' });
  return readFileSync(join(to, 'values.yaml'), 'utf8');
}

test('a released chart names the images of its release by digest, and is the same in all else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-chart-'));
  try {
    const released = chartValues(release(join(folder, 'holdfast'), DIGESTS.flat()));
    const changed = released.filter((value, index) => JSON.stringify(value) !== JSON.stringify(chartValues()[index]));
    expect(Object.fromEntries(changed.map(({ path, default: value }) => [path, value]))).toEqual({
      'controlApi.image.registry': 'ghcr.io/acme',
      'controlApi.image.digest': DIGESTS[0]?.[1],
      'socketEdge.image.registry': 'ghcr.io/acme',
      'socketEdge.image.digest': DIGESTS[1]?.[1],
    });
    for (const file of ['Chart.yaml', 'values.schema.json', 'templates/NOTES.txt']) {
      expect(readFileSync(join(folder, 'holdfast', file), 'utf8')).toBe(readFileSync(new URL(file, CHART), 'utf8'));
    }
    expect(() => release(join(folder, 'bad'), ['--control-api', 'latest'])).toThrow('have to be given');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
