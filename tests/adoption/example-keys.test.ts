import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { wantedKeys } from '@holdfast/example-run/keys';
import { repositoryRoot } from '@holdfast/local/repository-root';
import { expect, it } from 'vitest';

it('a key of an example that makes topics has a quota of them', async () => {
  const examples = join(repositoryRoot, 'examples');
  const files = (await readdir(examples, { recursive: true })).filter((file) => /^[^/]+\/keys\.json$/.test(file));
  const creating: string[] = [];
  for (const file of files) {
    for (const { id, can, maxTopics } of (await wantedKeys(join(examples, dirname(file)))).values()) {
      if ((can?.create ?? []).length === 0) continue;
      creating.push(id);
      expect({ id, maxTopics }).toEqual({ id, maxTopics: expect.any(Number) });
    }
  }
  expect(creating.toSorted()).toEqual(['answers', 'chat', 'chat-web']);
});
