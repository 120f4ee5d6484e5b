import { readFileSync } from 'node:fs';

const PAGE = new URL('../../docs/reference/configuration.md', import.meta.url);

/** The variables of both services, from the page that is made of their schemas. */
export const knownVariables: ReadonlySet<string> = new Set(
  [...readFileSync(PAGE, 'utf8').matchAll(/^\| `([A-Z_]+)`/gm)].map(([, name = '']) => name),
);
