import { drawSome } from '@holdfast/harness/random';

/** One of each kind in turn; what is encrypted is relayed as it is. */
const KINDS = ['', 'private-', 'cache-', 'private-encrypted-'];
/** Each client has so many channels, drawn. */
const CHANNELS_EACH = [2, 3, 4];
/** One client in so many has the quiet channel. */
const HAS_QUIET = 5;
/** One in so many is on the presence channel; at most so many. */
const HAS_PRESENCE = 10;
const MAX_PRESENT = 200;
/** One in so many of those is another connection of the user before. */
const SHARES_USER = 5;

/** The channel whose members are watched in every run. */
export const PRESENCE_CHANNEL = 'presence-prove';
export const QUIET_CHANNEL = 'private-prove-quiet';

export interface MemberPlan {
  member: number;
  /** Who it is on presence channels: several clients may be one user. */
  user: string;
  channels: readonly string[];
}

export function channelNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${KINDS[index % KINDS.length]}prove-${index + 1}`);
}

export function plansFor(members: number, channels: readonly string[], random: () => number): MemberPlan[] {
  return Array.from({ length: members }, (_, member) => {
    const drawn = drawSome(channels, CHANNELS_EACH[member % CHANNELS_EACH.length] ?? 1, random);
    if (member % HAS_QUIET === 0) drawn.push(QUIET_CHANNEL);
    const present = Math.floor(member / HAS_PRESENCE);
    if (member % HAS_PRESENCE === 0 && present < MAX_PRESENT) drawn.push(PRESENCE_CHANNEL);
    const isSecond = present % SHARES_USER === SHARES_USER - 1;
    return { member, user: `user-${isSecond ? present - 1 : present}`, channels: drawn };
  });
}
