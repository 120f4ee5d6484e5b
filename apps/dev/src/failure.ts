import { ChildFailed } from '@holdfast/local/child';

/** An error as one message for people, without what a child printed: its log has shown that already. */
export function failureText(error: unknown): string {
  if (error instanceof ChildFailed) return error.summary;
  return error instanceof Error ? error.message : String(error);
}
