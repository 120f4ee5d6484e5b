import type { LogPage } from '@holdfast/broker/topic-state';
import { messageEncoder } from '../transport/frames.ts';
import type { FramePage } from './log-reader.ts';
import type { SentMessage } from './replay-buffer.ts';

/** A page of a topic's log, with its entries as they go out. */
export function framePage(topic: string, page: LogPage): FramePage {
  const encode = messageEncoder(topic);
  return {
    ...page,
    entries: page.entries.map(({ id, prev, data, traceparent, except }): SentMessage => {
      const message: SentMessage = { id, prev, frame: encode(id, data) };
      if (traceparent !== undefined) message.trace = { traceparent, receivedAt: Date.now(), caughtUp: true };
      if (except !== undefined) message.except = except;
      return message;
    }),
  };
}
