import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

const BUILT = new URL('../dist/', import.meta.url);
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

export interface ConsoleFile {
  readonly type: string;
  readonly body: Buffer;
  readonly gzipped: Buffer;
  /** With its quotes, of the body. */
  readonly etag: string;
}

/** The files of the page by name: those of `dist/` where a build wrote them, else bundled in memory. */
export async function consoleFiles(): Promise<ReadonlyMap<string, ConsoleFile>> {
  const files = (await builtFiles()) ?? (await (await import('./bundle.ts')).bundle());
  const served = [...files].map(async ([name, bytes]) => [name, await fileOf(name, Buffer.from(bytes))] as const);
  return new Map(await Promise.all(served));
}

async function fileOf(name: string, body: Buffer): Promise<ConsoleFile> {
  return {
    type: TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream',
    body,
    gzipped: await promisify(gzip)(body, { level: 9 }),
    etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
  };
}

async function builtFiles(): Promise<Map<string, Buffer> | null> {
  const names = await readdir(BUILT).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [] as string[];
    throw error;
  });
  if (!names.includes('index.html')) return null;
  const files = names.map(async (name) => [name, await readFile(new URL(name, BUILT))] as const);
  return new Map(await Promise.all(files));
}
