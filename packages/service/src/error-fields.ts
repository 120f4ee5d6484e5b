/** The fields of an error in a log line. */
export interface ErrorFields {
  readonly type: string;
  readonly message: string;
  readonly code?: string | number;
  readonly stack?: string;
  readonly cause?: ErrorFields;
  /** The parts of an AggregateError, such as one refusal for each address of a host. */
  readonly errors?: readonly ErrorFields[];
}

/** A chain of causes is two or three long; the bound is for one that ends in itself. */
const MAX_CAUSES = 5;
const MAX_PARTS = 5;

/**
 * The fields of an error that are safe and useful in a log line. Only these: libraries hang whole commands, with
 * their arguments, on their errors.
 */
export function serializeError(error: unknown): ErrorFields {
  return fieldsOf(error, MAX_CAUSES);
}

function fieldsOf(error: unknown, depth: number): ErrorFields {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const code: unknown = 'code' in error ? error.code : undefined;
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...(error.cause === undefined || depth === 0 ? {} : { cause: fieldsOf(error.cause, depth - 1) }),
    ...(error instanceof AggregateError && depth > 0
      ? { errors: error.errors.slice(0, MAX_PARTS).map((part) => fieldsOf(part, depth - 1)) }
      : {}),
  };
}

/** The reason in one short phrase: the message, or what there is when it is empty. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node leaves the message empty when each of several addresses of a host was refused.
  if (error.message === '' && error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  return error.message === '' ? error.name : error.message;
}
