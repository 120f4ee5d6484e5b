export interface ControlAnswer {
  status: number;
  text: string;
}

/** There was no answer that can be understood: what was asked for may have happened, or not. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
  readonly code = 'unreachable';
}

/** The control API answered with a problem. */
export class CallRefused extends Error {
  override readonly name = 'CallRefused';
  readonly status: number;
  /** The constant code of the problem document (RFC 9457). */
  readonly code: string;

  constructor(call: string, status: number, answer: unknown) {
    const { code, detail, title } = (answer ?? {}) as Record<string, unknown>;
    const why = [detail, title].find((text) => typeof text === 'string');
    super(`${call}: ${status}${typeof code === 'string' ? ` ${code}` : ''}${why === undefined ? '' : ` (${why})`}`);
    this.status = status;
    this.code = typeof code === 'string' ? code : 'none';
  }
}

/** Whether a call may succeed when it is repeated later, and whether it is open what the one before did. */
export function isPassing(error: unknown): boolean {
  return (
    error instanceof Unreachable || (error instanceof CallRefused && (error.status >= 500 || error.status === 429))
  );
}
