/** The ways to present an API key, for the document. */
export const securitySchemes = {
  apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: '`<id>.<secret>`' },
  bearer: { type: 'http', scheme: 'bearer', description: '`Authorization: Bearer <id>.<secret>`' },
} as const;

/** A call that needs an API key, in one of the two ways. */
export const keyed: Record<string, string[]>[] = [{ apiKey: [] }, { bearer: [] }];

/** A call that needs a key only for a client that is named by its `ref`. */
export const keyedForRef: Record<string, string[]>[] = [{}, ...keyed];

/** A call that needs none: there is nothing to protect, or the client's UUID in its path is the credential. */
export const open: Record<string, string[]>[] = [];
