import { expect, it } from 'vitest';
import { slugify, targetOf } from './links.ts';

it('a link to a page leads to its place in the site, from wherever it stands', () => {
  expect(targetOf('docs/identity.md', '../packages/server/README.md#publish', undefined)).toEqual({
    kind: 'page',
    address: '/sdks/server.html#publish',
  });
  expect(targetOf('README.md', 'docs/decisions/README.md', undefined)).toEqual({
    kind: 'page',
    address: '/decisions/',
  });
  expect(targetOf('README.md', 'docs/reference', undefined)).toEqual({
    kind: 'page',
    address: '/reference/cli.html',
  });
});

it('a link to a file of the repository leads to it where an address is known, and is text otherwise', () => {
  const link = ['docs/operations.md', '../deploy/helm/holdfast'] as const;
  expect(targetOf(...link, undefined)).toEqual({ kind: 'text', path: 'deploy/helm/holdfast' });
  expect(targetOf(...link, 'https://git.example.com/holdfast')).toEqual({
    kind: 'source',
    address: 'https://git.example.com/holdfast/deploy/helm/holdfast',
  });
  expect(targetOf('README.md', 'docs/reference/openapi.json', undefined)).toEqual({
    kind: 'file',
    address: 'openapi.json',
  });
});

it('a link to nothing is dead', () => {
  expect(targetOf('README.md', 'docs/nothing.md', 'https://git.example.com')).toEqual({ kind: 'dead' });
});

it('anchors are those of Git hosts', () => {
  expect(['`GET /v1/capacity`', 'A page that outlives reloads', '8. Versions'].map(slugify)).toEqual([
    'get-v1capacity',
    'a-page-that-outlives-reloads',
    '8-versions',
  ]);
});
