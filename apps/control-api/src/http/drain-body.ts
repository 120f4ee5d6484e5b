import type { IncomingMessage } from 'node:http';

/** Twice the largest body that any call takes. */
const MAX_DRAINED_BYTES = 32 * 1024 * 1024;
const MAX_DRAIN_MS = 5_000;

/**
 * Reads what is still coming of a body and throws it away, so that the answer is read: a client that is still sending
 * when its connection is closed sees a broken pipe, and not why.
 * @param done is told whether the body has come to its end; otherwise the connection has to be closed
 */
export function drainBody(request: IncomingMessage, done: (whole: boolean) => void): void {
  if (request.complete || request.readableEnded || request.destroyed) {
    done(!request.destroyed || request.complete);
    return;
  }
  let bytes = 0;
  const finish = (whole: boolean) => {
    clearTimeout(timer);
    request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
    done(whole);
  };
  const onData = (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_DRAINED_BYTES) finish(false);
  };
  const onEnd = () => finish(true);
  const onClose = () => finish(false);
  const timer = setTimeout(() => finish(false), MAX_DRAIN_MS);
  request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose).resume();
}
