import { expect, test } from 'vitest';
import { publishedManifest } from './manifest.ts';
import { published } from './published.ts';

test('a release names the repository that npm compares a proof of provenance with; another build names none', async () => {
  for (const one of published) {
    const named = await publishedManifest(one, 'https://git.example/acme/holdfast');
    expect(named['repository']).toEqual({ type: 'git', url: 'git+https://git.example/acme/holdfast.git' });
    expect(await publishedManifest(one, '')).not.toHaveProperty('repository');
  }
});
