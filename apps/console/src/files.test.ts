import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { consoleFiles } from './files.ts';

/** What a visit may load in all. */
const MAX_GZIPPED_BYTES = 60_000;

it(`the page is below ${MAX_GZIPPED_BYTES} bytes gzipped, in all its files`, async () => {
  const files = await consoleFiles();
  expect([...files.keys()].toSorted()).toEqual(['app.css', 'app.js', 'icon.svg', 'index.html']);
  const sizes = [...files.values()].map(({ gzipped }) => gzipped.length);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(MAX_GZIPPED_BYTES);
  for (const { body, gzipped, etag } of files.values()) {
    expect(gunzipSync(gzipped).equals(body)).toBe(true);
    expect(etag).toMatch(/^"[\w-]{22}"$/);
  }
});

it('the page has no script and no style in its markup, loads nothing from elsewhere, and brings no schemas', async () => {
  const files = await consoleFiles();
  const text = (name: string) => files.get(name)?.body.toString() ?? '';
  expect(text('index.html')).not.toMatch(/ style=|<style|<script(?! type="module" src="console\/)/);
  expect(text('index.html').match(/(?:src|href)="[^"]+"/g)).toEqual([
    'href="console/icon.svg"',
    'href="console/app.css"',
    'src="console/app.js"',
  ]);
  expect(text('app.css')).not.toMatch(/url\(|@import/);
  expect(text('app.js')).not.toMatch(/ZodError|\$ZodType/);
});
