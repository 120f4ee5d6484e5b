import type { ClientEvents, StateChange } from '@holdfast/client/events';
import { printable } from './printable.ts';
import type { Colors } from './terminal.ts';

type Shown = ClientEvents['message' | 'subscribed' | 'unsubscribed' | 'lost'];

/** One line for one frame. */
export function frameLine(frame: Shown, { cyan, dim, green, red, yellow }: Colors): string {
  const topic = cyan(printable(frame.topic));
  if (frame.type === 'message') return `${topic} ${dim(frame.id)} ${printable(JSON.stringify(frame.data))}`;
  if (frame.type === 'subscribed') return `${topic} ${green('subscribed')} from ${frame.position}`;
  if (frame.type === 'unsubscribed') return `${topic} ${yellow('unsubscribed')}: ${printable(frame.reason)}`;
  return `${topic} ${red('lost')}: what came after ${frame.after}, up to ${frame.position}, is gone from the history`;
}

/** What a person wants to know of a connection, on standard error; null: nothing. */
export function stateLine(change: StateChange, { bold, dim, yellow }: Colors): string | null {
  if (change.state === 'open') {
    return `${bold('connected')} to ${new URL(change.url).origin} ${dim('(Ctrl-C ends)')}`;
  }
  if (change.state !== 'waiting') return null;
  return `${yellow('reconnecting')} in ${(change.delayMs / 1000).toFixed(1)} s: ${printable(change.why)}`;
}
