import { type ConnectOptions, connect } from '@holdfast/client/connect';
import type { ClientEvents, Closed, ClosedReason, StateChange } from '@holdfast/client/events';
import { HoldfastError } from '@holdfast/client/holdfast-error';
import { CliError, exitCodes } from './errors.ts';
import type { Invocation } from './invocation.ts';
import { printable } from './output.ts';
import type { Colors } from './terminal.ts';

/** A refused handshake looks like an edge that is down: after so many failures in a row the control API is asked. */
const CHECK_AFTER_FAILURES = 3;

const endings: Record<Exclude<ClosedReason, 'closed' | 'aborted' | 'unregistered'>, string> = {
  'bad-frame': 'The edge did not understand this program: are both of the same version?',
  disconnected: 'An operator disconnected this client. It is still registered.',
  replaced: 'Another connection of the same client took over.',
  expired: 'The authorization of this client has ended: register it again with a fresh token.',
  'not-authorized': 'The token is refused',
};

export interface ListenSession {
  /** The client and its edges, or where to register one with a token. */
  connection: ConnectOptions;
  /** Rejects with HoldfastError `client-not-found` when the client is not registered any more; null: no control API is known. */
  check: (() => Promise<unknown>) | null;
}

/**
 * Shows what the client receives until Ctrl-C, and gives null then. A client that is not registered any more is given as
 * an error, so that the caller can register another. Raises CliError when the connection ends for good otherwise.
 */
export async function listenUntilInterrupted(invocation: Invocation, session: ListenSession): Promise<CliError | null> {
  const { terminal, json } = invocation;
  const { connection, check } = session;
  const client = connect({ ...connection, signal: terminal.interrupted });
  let isGone = false;

  const checkRegistration = async (): Promise<void> => {
    try {
      await check?.();
    } catch (error) {
      // After any other failure of the control API the edge may still accept the client.
      if (!(error instanceof HoldfastError) || error.code !== 'client-not-found') return;
      isGone = true;
      client.close();
    }
  };

  client.on('state', (change: StateChange) => {
    const line = json ? JSON.stringify(change) : stateLine(change, terminal.errColors);
    if (line !== null) terminal.err(line);
    if (change.state === 'waiting' && change.failures >= CHECK_AFTER_FAILURES) void checkRegistration();
  });
  if (json) {
    client.on('frame', terminal.out);
  } else {
    client.on('welcome', ({ topics }) => {
      const names = Object.keys(topics).join(', ');
      terminal.err(terminal.errColors.dim(`receiving ${names}`));
    });
    for (const type of ['message', 'subscribed', 'unsubscribed', 'lost'] as const) {
      client.on(type, (frame) => terminal.out(frameLine(frame, terminal.colors)));
    }
  }

  const end = await client.closed;
  if (isGone || end.reason === 'unregistered') return goneError(connection.clientId ?? '');
  throwIfRefused(end, connection.clientId ?? '');
  return null;
}

/** Raises CliError for a client that was ended, not by Ctrl-C. */
export function throwIfRefused({ reason, detail }: Closed, clientId: string): void {
  if (reason === 'closed' || reason === 'aborted') return;
  if (reason === 'unregistered') throw goneError(clientId);
  throw new CliError(exitCodes.refused, reason, endings[reason] + (detail === undefined ? '' : `: ${detail}`));
}

function goneError(clientId: string): CliError {
  return new CliError(
    exitCodes.refused,
    'unregistered',
    `Client ${clientId} is not registered any more: it was unregistered, or the installation was started anew, with an ` +
      'empty Redis. To register one and listen: npx holdfast listen --register NAME',
  );
}

type Shown = ClientEvents['message' | 'subscribed' | 'unsubscribed' | 'lost'];

/** One line for one frame. */
export function frameLine(frame: Shown, { cyan, dim, green, red, yellow }: Colors): string {
  const topic = cyan(printable(frame.topic));
  if (frame.type === 'message') return `${topic} ${dim(frame.id)} ${printable(JSON.stringify(frame.data))}`;
  if (frame.type === 'subscribed') return `${topic} ${green('subscribed')} from ${frame.position}`;
  if (frame.type === 'unsubscribed') return `${topic} ${yellow('unsubscribed')}: ${printable(frame.reason)}`;
  return `${topic} ${red('lost')}: what came after ${frame.after}, up to ${frame.position}, is gone from the history`;
}

/** One line for a change of the connection's state; null for one that is not shown. */
export function stateLine(change: StateChange, { bold, dim, yellow }: Colors): string | null {
  if (change.state === 'open') {
    return `${bold('connected')} to ${new URL(change.url).origin} ${dim('(Ctrl-C ends)')}`;
  }
  if (change.state !== 'waiting') return null;
  return `${yellow('reconnecting')} in ${(change.delayMs / 1000).toFixed(1)} s: ${printable(change.why)}`;
}
