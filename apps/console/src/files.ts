import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { PageName } from './bundle.ts';

const BUILT = new URL('../dist/', import.meta.url);
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

export interface PageFile {
  readonly type: string;
  readonly body: Buffer;
  readonly gzipped: Buffer;
  /** With its quotes, of the body. */
  readonly etag: string;
}

export type PageFiles = ReadonlyMap<string, PageFile>;

/** The files of a page by name: those of `dist/` where a build wrote them, else bundled in memory. */
export async function pageFiles(page: PageName): Promise<PageFiles> {
  const files = (await builtFiles(page)) ?? (await (await import('./bundle.ts')).bundle(page));
  const served = [...files].map(async ([name, bytes]) => [name, await fileOf(name, Buffer.from(bytes))] as const);
  return new Map(await Promise.all(served));
}

async function fileOf(name: string, body: Buffer): Promise<PageFile> {
  return {
    type: TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream',
    body,
    gzipped: await promisify(gzip)(body, { level: 9 }),
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
  };
}

async function builtFiles(page: PageName): Promise<Map<string, Buffer> | null> {
  const folder = new URL(`${page}/`, BUILT);
  const names = await readdir(folder).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [] as string[];
    throw error;
  });
  if (!names.includes('index.html')) return null;
  const files = names.map(async (name) => [name, await readFile(new URL(name, folder))] as const);
  return new Map(await Promise.all(files));
}
