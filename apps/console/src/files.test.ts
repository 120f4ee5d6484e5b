import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type PageFiles, pageFiles } from './files.ts';

/** What a visit may load in all, gzipped; of the page of the API besides the document. */
const MAX_BYTES = { console: 60_000, docs: 30_000 };

describe.each(['console', 'docs'] as const)('the page at /%s', (page) => {
  let files: PageFiles | undefined;
  const read = async () => (files ??= await pageFiles(page));

  it(`is below ${MAX_BYTES[page]} bytes gzipped, in all its files`, async () => {
    expect([...(await read()).keys()].toSorted()).toEqual(['app.css', 'app.js', 'icon.svg', 'index.html']);
    const sizes = [...(await read()).values()].map(({ gzipped }) => gzipped.length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(MAX_BYTES[page]);
    for (const { body, gzipped, etag } of (await read()).values()) {
      expect(gunzipSync(gzipped).equals(body)).toBe(true);
      expect(etag).toMatch(/^"[\w-]{22}"$/);
    }
  });

  it('has no script and no style in its markup, loads nothing from elsewhere, and brings no schemas', async () => {
    const served = await read();
    const text = (name: string) => served.get(name)?.body.toString() ?? '';
    expect(text('index.html')).not.toMatch(/ style=|<style|<script(?! type="module" src=)/);
    expect(text('index.html').match(/(?:src|href)="[^"]+"/g)).toEqual([
      `href="${page}/icon.svg"`,
      `href="${page}/app.css"`,
      `src="${page}/app.js"`,
    ]);
    expect(text('app.css')).not.toMatch(/url\(|@import/);
    expect(text('app.js')).not.toMatch(/ZodError|\$ZodType/);
    expect(text('app.js')).not.toMatch(/\beval\(|new Function/);
  });
});
