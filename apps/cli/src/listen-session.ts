import { connect } from '@holdfast/client/connect';
import type { Closed, ClosedReason, StateChange } from '@holdfast/client/events';
import { HoldfastError } from '@holdfast/client/holdfast-error';
import { CliError } from './cli-error.ts';
import { exitCodes } from './exit-codes.ts';
import type { Invocation } from './invocation.ts';
import { frameLine, stateLine } from './listen-output.ts';

/** A refused handshake looks like an edge that is away: after so many failures in a row the control API is asked. */
const ASK_EVERY_FAILURES = 3;

const endings: Record<Exclude<ClosedReason, 'closed' | 'aborted'>, string> = {
  'bad-frame': 'The edge did not understand this program: are both of the same version?',
  disconnected: 'An operator disconnected this client. It is still registered.',
  replaced: 'Another connection of the same client took over.',
  unregistered: 'This client was unregistered. To register one and listen: listen --register NAME',
};

export interface ListenSession {
  clientId: string;
  urls: readonly string[];
  resume: boolean;
  /** Rejects with HoldfastError `client-not-found` when the client is not registered any more; null: nobody to ask. */
  check: (() => Promise<unknown>) | null;
}

/** Shows what the client receives until Ctrl-C. Raises CliError when the connection ends for good before that. */
export async function listenUntilInterrupted(invocation: Invocation, session: ListenSession): Promise<void> {
  const { terminal, json } = invocation;
  const { clientId, urls, resume, check } = session;
  const client = connect({ clientId, urls, resume, signal: terminal.interrupted });
  let gone: unknown;

  const look = async (): Promise<void> => {
    try {
      await check?.();
    } catch (error) {
      // Whatever else the control API says, the edge may still take the client back.
      if (!(error instanceof HoldfastError) || error.code !== 'client-not-found') return;
      gone = error;
      client.close();
    }
  };

  client.on('state', (change: StateChange) => {
    const line = json ? JSON.stringify(change) : stateLine(change, terminal.colors);
    if (line !== null) terminal.err(line);
    if (change.state === 'waiting' && change.failures % ASK_EVERY_FAILURES === 0) void look();
  });
  if (json) {
    client.on('frame', terminal.out);
  } else {
    client.on('welcome', ({ topics }) => {
      const names = Object.keys(topics).join(', ');
      terminal.err(terminal.colors.dim(`receiving ${names}`));
    });
    for (const type of ['message', 'subscribed', 'unsubscribed', 'lost'] as const) {
      client.on(type, (frame) => terminal.out(frameLine(frame, terminal.colors)));
    }
  }

  const closed = await client.closed;
  if (gone !== undefined) throw gone;
  assertWanted(closed);
}

function assertWanted({ reason }: Closed): void {
  if (reason === 'closed' || reason === 'aborted') return;
  throw new CliError(exitCodes.refused, reason, endings[reason]);
}
