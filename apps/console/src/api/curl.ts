import { type Request, targetOf } from './request.ts';

/**
 * The line for a shell that makes the same call. The key is a variable of that shell, so that the line can be shown and
 * passed on.
 */
export function curlLine(request: Request<unknown>, origin: string): string {
  const { method, body, headers = {}, withoutKey = false } = request;
  const implied = body === undefined ? 'GET' : 'POST';
  return [
    'curl',
    ...(method === implied ? [] : [`-X ${method}`]),
    ...(withoutKey ? [] : ['-H "X-API-Key: $HOLDFAST_KEY"']),
    ...Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    ...(body === undefined ? [] : [`-H 'Content-Type: application/json'`, `-d ${quoted(body)}`]),
    addressOf(request, origin),
  ].join(' ');
}

/** What an address is made of needs no escapes between double quotes. */
function addressOf(request: Request<unknown>, origin: string): string {
  const { hidden } = request;
  const address = origin + targetOf(request);
  return hidden === undefined ? quoted(address) : `"${address.replaceAll(hidden.value, `$${hidden.variable}`)}"`;
}

/** One word of a POSIX shell. */
function quoted(text: string): string {
  return /^[\w./:@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
