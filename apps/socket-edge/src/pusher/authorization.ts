import type { PusherApp } from '@holdfast/protocol/pusher-app';
import { type ChannelKind, channelName, userOfChannel } from '@holdfast/protocol/pusher-channels';
import { channelSignature, isAuth, someSecret, userSignature } from '@holdfast/pusher/signatures';
import type { SignInFrame, SubscribeFrame } from './client-frames.ts';
import type { SubscriptionFault } from './faults.ts';
import { type ChannelMember, type SignedInUser, readChannelData } from './member.ts';

/** What of an app says whether a signature is right. */
type Signing = Pick<PusherApp, 'key' | 'secret' | 'previousSecret'>;

export type Authorization =
  /** `member`: as whom it is present; null on channels without members. */
  { ok: true; member: ChannelMember | null } | { ok: false; fault: SubscriptionFault };

const UNAUTHORIZED = 401;
const BAD_REQUEST = 400;

/** Null when the name may be a channel's. */
export function channelFault(channel: string): SubscriptionFault | null {
  const named = channelName.safeParse(channel);
  if (named.success) return null;
  const why = named.error.issues[0]?.message ?? 'is no name of a channel';
  return { type: 'InvalidChannel', error: `The name of the channel ${why}`, status: BAD_REQUEST };
}

/** Whether a connection may subscribe to a channel. */
export function authorizeSubscribe(
  app: Signing,
  socketId: string,
  kind: ChannelKind,
  { channel, auth, channelData }: SubscribeFrame,
  user: SignedInUser | null,
): Authorization {
  if (kind.access === 'public') return { ok: true, member: null };
  if (kind.access === 'user') {
    if (user !== null && userOfChannel(channel) === user.id) return { ok: true, member: null };
    return refused('AuthError', 'The connection is not signed in as the user of the channel', UNAUTHORIZED);
  }
  const isSigned = someSecret(app, (secret) =>
    isAuth(auth, app.key, channelSignature(secret, socketId, channel, channelData ?? undefined)),
  );
  if (!isSigned) {
    return refused('AuthError', 'The signature of the channel is wrong', UNAUTHORIZED);
  }
  if (kind.access === 'private') return { ok: true, member: null };
  if (channelData === null) {
    if (user !== null) return { ok: true, member: user };
    const error = 'A presence channel needs channel_data, or a connection that is signed in';
    return refused('AuthError', error, UNAUTHORIZED);
  }
  const read = readChannelData(channelData);
  return read.ok ? { ok: true, member: read.value } : refused('InvalidData', read.why, BAD_REQUEST);
}

/** Whether a sign-in is signed by the app. */
export function isSignedIn(app: Signing, socketId: string, { auth, userData }: SignInFrame): boolean {
  return someSecret(app, (secret) => isAuth(auth, app.key, userSignature(secret, socketId, userData)));
}

function refused(type: SubscriptionFault['type'], error: string, status: number): Authorization {
  return { ok: false, fault: { type, error, status } };
}
