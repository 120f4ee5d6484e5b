import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parseDocument } from 'yaml';
import { CHART } from './values.ts';

// Makes of the chart the one that is published: its values name the registry, and the digests, of the images of this
// release.
//
//   node scripts/chart/release.ts --registry ghcr.io/acme --control-api sha256:… --socket-edge sha256:… --to dist/chart

const DIGEST = /^sha256:[0-9a-f]{64}$/;

const { values } = parseArgs({
  options: {
    registry: { type: 'string' },
    'control-api': { type: 'string' },
    'socket-edge': { type: 'string' },
    to: { type: 'string' },
  },
});
const { registry, to } = values;
const digests = { controlApi: values['control-api'] ?? '', socketEdge: values['socket-edge'] ?? '' };

if (!registry || !to || !Object.values(digests).every((digest) => DIGEST.test(digest))) {
  process.stderr.write(
    '--registry, --to, and the digests --control-api and --socket-edge (sha256:…) have to be given.\n',
  );
  process.exitCode = 2;
} else {
  const folder = resolve(to);
  rmSync(folder, { recursive: true, force: true });
  cpSync(CHART, folder, { recursive: true });
  const file = `${folder}/values.yaml`;
  const document = parseDocument(readFileSync(file, 'utf8'));
  for (const [part, digest] of Object.entries(digests)) {
    document.setIn([part, 'image', 'registry'], registry);
    document.setIn([part, 'image', 'digest'], digest);
  }
  writeFileSync(file, document.toString({ lineWidth: 0 }));
  process.stdout.write(`${folder}\n`);
}
