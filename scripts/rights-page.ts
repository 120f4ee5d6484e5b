import { code, page, table } from './markdown.ts';

interface Operation {
  summary?: string;
  security?: Record<string, unknown>[];
}

/** What is needed of the OpenAPI document. */
export interface Calls {
  paths: Record<string, Record<string, Operation>>;
}

/** Which credential each call takes, from the OpenAPI document. */
export function rightsPage({ paths }: Calls): string {
  const rows = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, { summary = '', security = [] }]) =>
      // Health and metrics ask for no credential.
      security.length === 0 ? [] : [[code(`${method.toUpperCase()} ${path}`), summary, ...credentials(security)]],
    ),
  );
  return page(
    'Calls and credentials',
    'the OpenAPI document',
    'Which credential each call of control-api takes; with none of them it answers 403, and 401 where it takes the signature of an app. What it then may do is in ' +
      '[identity.md](../identity.md#rights).',
    table(['call', '', 'API key', "the client's UUID in the path", 'token', 'signature of an app'], rows),
  );
}

function credentials(security: readonly Record<string, unknown>[]): string[] {
  const takes = (name: string) => security.some((scheme) => name in scheme);
  const isOpen = security.some((scheme) => Object.keys(scheme).length === 0);
  return [takes('apiKey'), isOpen, takes('token'), takes('signature')].map((taken) => (taken ? 'yes' : 'no'));
}
