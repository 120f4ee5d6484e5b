import { describe, expect, it } from 'vitest';
import { sidebarOf } from './groups.ts';
import { addressOf, routeOf } from './pages.ts';

function page(source: string, heading = source) {
  return { source, route: routeOf(source) ?? '', heading };
}

describe('the sidebar', () => {
  it('has the pages of a folder in the order in which the start page links them, the others after them by name', () => {
    const pages = ['b', 'a', 'd', 'c'].map((name) => page(`docs/how-to/${name}.md`, name));
    const [group] = sidebarOf(pages, '/', ['docs/how-to/c.md', 'docs/how-to/b.md']);
    expect(group).toEqual({
      text: 'How-to',
      items: ['c', 'b', 'a', 'd'].map((name) => ({ text: name, link: `/how-to/${name}.html` })),
    });
  });

  it('refuses a page that is in no group, and says what to do', () => {
    expect(() => sidebarOf([page('docs/lonely.md')], '/', [])).toThrow(
      'docs/lonely.md is in no group of the sidebar: move it into a folder of one, or name it in site/src/groups.ts',
    );
  });

  it('cuts a long heading at its colon', () => {
    const [group] = sidebarOf([page('docs/identity.md', 'Identity: who a client is, and what it may')], '/', []);
    expect(group?.items).toEqual([{ text: 'Identity', link: '/identity.html' }]);
  });
});

it('pages outside of docs have a place in the site, and other files none', () => {
  const places = [
    'README.md',
    'SECURITY.md',
    'CHANGELOG.md',
    'packages/client/README.md',
    'sdk/go/README.md',
    'examples/chat/README.md',
    'docs/decisions/README.md',
    'docs/index.md',
    'apps/console/README.md',
    '.github/pull_request_template.md',
  ];
  expect(places.map(routeOf)).toEqual([
    'readme.md',
    'reporting.md',
    'changelog.md',
    'sdks/client.md',
    'sdks/go.md',
    'examples/chat.md',
    'decisions/index.md',
    'index.md',
    null,
    null,
  ]);
  expect(['index.md', 'decisions/index.md', 'how-to/a.md'].map(addressOf)).toEqual([
    '/',
    '/decisions/',
    '/how-to/a.html',
  ]);
});
