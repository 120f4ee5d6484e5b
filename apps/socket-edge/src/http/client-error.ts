import type { Duplex } from 'node:stream';
import type { ProblemCode, ProblemDetails } from '@holdfast/protocol/problems';
import { refusal } from './handshake.ts';
import { refuse } from './refusal.ts';

const HEADER_OVERFLOW = 'HPE_HEADER_OVERFLOW';
const REQUEST_TIMEOUT = 'ERR_HTTP_REQUEST_TIMEOUT';

/** For `clientError` of node:http: what it cannot take for a request at all gets a problem document, as every refusal does. */
export function answerClientError(error: Error & { code?: string }, socket: Duplex): void {
  if (error.code === 'ECONNRESET') socket.destroy();
  else refuse(socket, refusal(...problemFor(error.code)));
}

function problemFor(code: string | undefined): [ProblemCode, ProblemDetails?] {
  if (code === HEADER_OVERFLOW) return ['headers-too-large'];
  if (code === REQUEST_TIMEOUT) return ['request-timeout'];
  return ['invalid-request', { detail: 'This is not HTTP' }];
}
