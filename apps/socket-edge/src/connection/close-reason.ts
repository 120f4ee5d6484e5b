/** What fits beside the code into a close frame (RFC 6455, section 5.5). */
const MAX_REASON_BYTES = 123;

/** As many whole characters as fit: ws throws at a longer reason, and it may contain what a client sent. */
export function closeReason(text: string): string {
  const bytes = Buffer.alloc(MAX_REASON_BYTES);
  return bytes.toString('utf8', 0, new TextEncoder().encodeInto(text, bytes).written);
}
