import { PROBLEM_MEDIA_TYPE, type Problem, problem } from '@holdfast/protocol/problems';
import { expect } from 'vitest';

export interface Answer {
  status: number;
  headers: Record<string, unknown>;
  text: string;
  // The test knows what it asked for.
  body: Record<string, unknown>;
}

declare module 'vitest' {
  interface Matchers<R extends void | Promise<void> = void | Promise<void>, T = unknown> {
    /** A problem document of this status and code, whole and with these details. */
    toBeProblem: (status: number, code: Problem['code'], details?: Partial<Problem>) => R;
  }
}

/** For `expect.extend`. */
export const problemMatchers = {
  toBeProblem(answer: Answer, status: number, code: Problem['code'], details: Partial<Problem> = {}) {
    const document = problem.strict().safeParse(answer.body);
    const pass =
      document.success &&
      answer.status === status &&
      answer.headers['content-type'] === PROBLEM_MEDIA_TYPE &&
      this.equals(document.data, expect.objectContaining({ status, code, ...details }));
    return {
      pass,
      message: () =>
        `expected a problem document ${this.utils.stringify({ status, code, ...details })}, ` +
        `got ${answer.status} ${String(answer.headers['content-type'])} ${answer.text}`,
    };
  },
} satisfies Parameters<typeof expect.extend>[0];
