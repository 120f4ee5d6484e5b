import { parseJson } from './json-body.ts';
import { dataSlices } from './json-slices.ts';

/**
 * Parses the body of a batch; in it `data` of each message is not a value but the bytes as the caller wrote them.
 * @throws {ProblemError} malformed-json
 */
export function parseBatch(bytes: Buffer): unknown {
  const body = parseJson(bytes);
  if (!isObject(body) || !Array.isArray(body['messages'])) return body;
  const slices = dataSlices(bytes);
  for (const [index, message] of body['messages'].entries()) {
    if (isObject(message) && Object.hasOwn(message, 'data')) message['data'] = slices[index];
  }
  return body;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
