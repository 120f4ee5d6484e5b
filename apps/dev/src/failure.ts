import { ChildFailed } from '@holdfast/local/child';

/** What an error says to people. What a child printed is left out: its log has shown that already. */
export function failureText(error: unknown): string {
  if (error instanceof ChildFailed) return error.summary;
  return error instanceof Error ? error.message : String(error);
}
