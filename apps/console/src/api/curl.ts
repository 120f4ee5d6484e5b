import { type Request, targetOf } from './request.ts';

/**
 * The line for a shell that makes the same call. The key is a variable of that shell, so that the line can be shown and
 * passed on.
 */
export function curlLine(request: Request<unknown>, origin: string): string {
  const { method, body } = request;
  const implied = body === undefined ? 'GET' : 'POST';
  return [
    'curl',
    ...(method === implied ? [] : [`-X ${method}`]),
    '-H "X-API-Key: $HOLDFAST_KEY"',
    ...(body === undefined ? [] : [`-H 'Content-Type: application/json'`, `-d ${quoted(body)}`]),
    quoted(origin + targetOf(request)),
  ].join(' ');
}

/** One word of a POSIX shell. */
function quoted(text: string): string {
  return /^[\w./:@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
