const SECRET_FIELDS = [
  'authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  // Browsers carry a credential in this one.
  'sec-websocket-protocol',
  'secret',
  'password',
  'clientId',
];

/** Redaction by path has no "at any depth": request headers lie at the third level, and one is added for good measure. */
const LEVELS = 4;

/** Paths of the fields whose values must not be logged, for pino's `redact`. */
export function redactedPaths(): string[] {
  return SECRET_FIELDS.flatMap((field) => {
    const name = /^\w+$/.test(field) ? `.${field}` : `["${field}"]`;
    return Array.from({ length: LEVELS }, (_, depth) => {
      const path = Array(depth).fill('*').join('.') + name;
      return path.startsWith('.') ? path.slice(1) : path;
    });
  });
}

/** Version 4 exactly: here such a UUID is a credential, wherever it turns up (in a path, a message, a Redis key). */
const UUID_V4 = /\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b/gi;
const QUERY_SECRET = /([?&](?:client|key|api[-_]?key|x-api-key|secret|password|(?:access_)?token)=)[^&"\\\s]+/gi;
const URL_PASSWORD = /(\/\/[^/\s"@:]*:)[^/\s"@]+@/g;

/** The last net: takes credentials out of a finished line, also where a library put them into a text. */
export function maskLine(line: string): string {
  return line.replace(UUID_V4, '[uuid]').replace(QUERY_SECRET, '$1[redacted]').replace(URL_PASSWORD, '$1[redacted]@');
}
