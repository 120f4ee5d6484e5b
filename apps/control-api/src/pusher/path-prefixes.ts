import type { IncomingMessage } from 'node:http';

const APPS = '/apps/';

/** For Fastify's `rewriteUrl`: a URL without the prefix that a proxy has left before `/apps/`. */
export function withoutPrefix(prefixes: readonly string[]): (request: Pick<IncomingMessage, 'url'>) => string {
  return ({ url = '/' }) => {
    const prefix = prefixes.find((each) => url.startsWith(`${each}${APPS}`));
    return prefix === undefined ? url : url.slice(prefix.length);
  };
}

/**
 * The paths that may have been signed for a path that begins with `/apps/`: itself, and with each prefix, whether or not a
 * proxy has taken that away; each as it came, and decoded, for there are libraries that sign before they encode.
 */
export function signedPaths(path: string, prefixes: readonly string[]): string[] {
  const forms = new Set([path, decoded(path)]);
  return [...forms].flatMap((form) => [form, ...prefixes.map((prefix) => prefix + form)]);
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    // Not the escapes of a URL: there is one form of it only.
    return path;
  }
}
