import { MAX_CHANNEL_DATA_BYTES, MAX_USER_ID_LENGTH } from '@holdfast/protocol/pusher-limits';
import { userId } from '@holdfast/protocol/pusher-channels';
import { objectOf } from './client-frames.ts';
import { rawMember } from './raw-member.ts';

/** A member of a presence channel. */
export interface ChannelMember {
  /** A number stands as it was written. */
  id: string;
  /** `{"user_id":…,"user_info":…}`, both as the application wrote them: what other members are sent. */
  info: string;
}

/** A user that a connection is signed in as: as a member of presence channels, too. */
export type SignedInUser = ChannelMember;

type Read<T> = { ok: true; value: T } | { ok: false; why: string };

/** Reads the `channel_data` of a subscription. */
export function readChannelData(json: string): Read<ChannelMember> {
  if (Buffer.byteLength(json) > MAX_CHANNEL_DATA_BYTES) {
    return refused(`channel_data must be at most ${MAX_CHANNEL_DATA_BYTES} bytes`);
  }
  const data = objectOf(json);
  if (data === null) return refused('channel_data must be a JSON object');
  if (!json.isWellFormed()) return refused('channel_data must be well-formed Unicode');
  const { user_id: id } = data;
  const raw = rawMember(json, 'user_id');
  if (raw === undefined || (typeof id !== 'string' && typeof id !== 'number')) {
    return refused('user_id must be a string or a number');
  }
  // By its text: a number may have more digits than it has as a number here.
  const text = typeof id === 'string' ? id : raw;
  if (text === '' || text.length > MAX_USER_ID_LENGTH) {
    return refused(`user_id must be 1 to ${MAX_USER_ID_LENGTH} characters`);
  }
  // Half of a pair, written as an escape, has no UTF-8: in Redis it would be another id.
  if (!text.isWellFormed()) return refused('user_id must be well-formed Unicode');
  return { ok: true, value: { id: text, info: memberInfo(raw, rawMember(json, 'user_info')) } };
}

/** Reads the `user_data` of a sign-in. `watchlist`: users that it wants to know of, without itself; all that it named. */
export function readUserData(json: string): Read<{ user: SignedInUser; watchlist: readonly string[] }> {
  const data = objectOf(json);
  if (data === null) return refused('user_data must be a JSON object');
  if (!json.isWellFormed()) return refused('user_data must be well-formed Unicode');
  const id = userId.safeParse(data['id']);
  if (!id.success) return refused(`id ${id.error.issues[0]?.message ?? 'is no user id'}`);
  const watchlist: unknown = data['watchlist'] ?? [];
  if (!Array.isArray(watchlist)) return refused('watchlist must be an array');
  const info = memberInfo(JSON.stringify(id.data), rawMember(json, 'user_info'));
  if (Buffer.byteLength(info) > MAX_CHANNEL_DATA_BYTES) {
    return refused(`user_info must be at most ${MAX_CHANNEL_DATA_BYTES} bytes`);
  }
  const known = watchlist.filter((one): one is string => one !== id.data && userId.safeParse(one).success);
  return { ok: true, value: { user: { id: id.data, info }, watchlist: [...new Set(known)] } };
}

function memberInfo(rawId: string, rawInfo: string | undefined): string {
  return `{"user_id":${rawId}${rawInfo === undefined ? '' : `,"user_info":${rawInfo}`}}`;
}

/** The two parts of a member's `info`, as JSON; of one without `user_info` that is null. */
export function memberParts({ id, info }: { id: string; info: string | null }): { userId: string; userInfo: string } {
  return {
    userId: (info === null ? undefined : rawMember(info, 'user_id')) ?? JSON.stringify(id),
    userInfo: (info === null ? undefined : rawMember(info, 'user_info')) ?? 'null',
  };
}

function refused(why: string): { ok: false; why: string } {
  return { ok: false, why };
}
