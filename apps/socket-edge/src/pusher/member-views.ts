import { textFrame } from '../transport/frames.ts';
import { memberAddedText, memberRemovedText, subscribedFrame, watchlistFrame } from './frames.ts';
import { memberParts } from './member.ts';

/** The members of a channel by id, each with its info. It is not changed: other members are another map. */
export type Members = ReadonlyMap<string, string | null>;

/** A part of the way from the members that a connection was shown to the present ones. */
export interface Step {
  /** Null: nothing is to be sent. */
  frames: Buffer | null;
  /** What it is shown with them. */
  members: Members;
  /** Members that the frames are about. */
  ids: ReadonlySet<string>;
}

/** What connections are sent of the members of a channel. */
export interface MemberView {
  /** For one that was shown nothing. @param own the member that it is itself */
  greeting(members: Members, own: { id: string; info: string | null } | null): Buffer | null;
  /** @param own a member that the connection is sent nothing about: itself */
  step(from: Members, to: Members, own: string | null): Step;
}

/** On top of what may wait already, frames of so many bytes stay below what a connection is closed for. */
const MAX_STEP_BYTES = 64 * 1024;
const NOBODY: ReadonlySet<string> = new Set();

/** Each member that comes or goes is an event. */
export function channelView(channel: string): MemberView {
  return {
    greeting(members, own) {
      const all = own === null || members.has(own.id) ? members : new Map([...members, [own.id, own.info]]);
      const parts = [...all].map(([id, info]) => ({ id, ...memberParts({ id, info }) }));
      const ids = parts.map(({ userId }) => userId).join(',');
      // Written and not built: a member may be called `__proto__`.
      const hash = parts.map(({ id, userInfo }) => `${JSON.stringify(id)}:${userInfo}`).join(',');
      return subscribedFrame(channel, `{"presence":{"ids":[${ids}],"hash":{${hash}},"count":${parts.length}}}`);
    },
    step(from, to, own) {
      const frames: Buffer[] = [];
      const ids = new Set<string>();
      let bytes = 0;
      for (const change of changes(channel, from, to)) {
        if (bytes >= MAX_STEP_BYTES) return { frames: joined(frames), members: partly(from, to, ids), ids };
        ids.add(change.id);
        if (change.id === own) continue;
        const frame = textFrame(change.text());
        frames.push(frame);
        bytes += frame.length;
      }
      return { frames: joined(frames), members: to, ids };
    },
  };
}

/** Whether a user is online, for those that watch the user: there is a member. */
export function onlineView(user: string): MemberView {
  return {
    greeting: () => null,
    step(from, to) {
      if (from.size > 0 === to.size > 0) return { frames: null, members: to, ids: NOBODY };
      const name = to.size > 0 ? 'online' : 'offline';
      return { frames: watchlistFrame([{ name, user_ids: [user] }]), members: to, ids: NOBODY };
    },
  };
}

function* changes(channel: string, from: Members, to: Members): Generator<{ id: string; text: () => string }> {
  for (const [id, info] of from) {
    if (!to.has(id)) yield { id, text: () => memberRemovedText(channel, memberParts({ id, info }).userId) };
  }
  for (const [id, info] of to) {
    if (!from.has(id)) yield { id, text: () => memberAddedText(channel, info ?? `{"user_id":${JSON.stringify(id)}}`) };
  }
}

/** `from`, with those changed that were sent. */
function partly(from: Members, to: Members, sent: ReadonlySet<string>): Members {
  const members = new Map(from);
  for (const id of sent) {
    if (to.has(id)) members.set(id, to.get(id) ?? null);
    else members.delete(id);
  }
  return members;
}

function joined(frames: readonly Buffer[]): Buffer | null {
  return frames.length === 0 ? null : Buffer.concat(frames);
}
