import type { ServerResponse } from 'node:http';
import { PROBLEM_MEDIA_TYPE, type Problem } from '@holdfast/protocol/problems';

/** After how long a caller who was refused for now may come again. */
export const RETRY_AFTER_SECONDS = 1;

/** Answers a request that goes no further, and ends its connection. */
export function respondWithProblem(response: ServerResponse, problem: Problem): void {
  response
    .writeHead(problem.status, {
      'content-type': PROBLEM_MEDIA_TYPE,
      'retry-after': String(RETRY_AFTER_SECONDS),
      connection: 'close',
    })
    .end(JSON.stringify(problem));
}
