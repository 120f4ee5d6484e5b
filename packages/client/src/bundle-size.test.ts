import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';
import { describe, expect, it } from 'vitest';

/** What a page may be asked to load for this. */
const MAX_GZIPPED_BYTES = 10_000;

describe('the bundle for pages', () => {
  it(`is below ${MAX_GZIPPED_BYTES} bytes gzipped, and needs nothing that a browser does not have`, async () => {
    const build = await rolldown({
      input: fileURLToPath(new URL('holdfast.ts', import.meta.url)),
      platform: 'browser',
    });
    const { output } = await build.generate({ format: 'esm', minify: true });
    expect(output).toHaveLength(1);
    const { code, imports, exports } = output[0];
    expect(imports).toEqual([]);
    expect(exports.toSorted()).toEqual(['HoldfastError', 'connect', 'createRest']);
    expect(gzipSync(code).byteLength).toBeLessThan(MAX_GZIPPED_BYTES);
    expect(Object.keys(output[0].modules).filter((file) => /node_modules|zod/.test(file))).toEqual([]);
  });
});
