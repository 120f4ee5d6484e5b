import type { Presence } from '@holdfast/protocol/down';

/**
 * Who is present on a topic as a client sees it that follows the frames; a number when it is shown no more than that. Throws
 * when a frame does not follow the one before it.
 */
export function shownMembers(
  { frames }: { frames: readonly { type: string }[] },
  topic: string,
): Record<string, unknown> | number {
  let shown = null as Map<string, unknown> | null;
  let pages = null as Map<string, unknown> | null;
  let version = -1;
  let count = 0;
  for (const any of frames) {
    if (any.type !== 'presence') continue;
    const frame = any as Presence;
    if (frame.topic !== topic) continue;
    if (frame.members !== undefined) {
      if (pages !== null && frame.version !== version) throw new Error(`a page of ${frame.version} in ${version}`);
      pages ??= new Map();
      for (const { id, info } of frame.members) pages.set(id, info);
      if (frame.more !== true) {
        shown = pages;
        pages = null;
      }
    } else if (pages !== null) {
      throw new Error('a change between the pages of a snapshot');
    } else if (frame.joined === undefined) {
      shown = null;
    } else {
      if (frame.version !== version + 1) throw new Error(`${frame.version} after ${version}`);
      for (const id of frame.left ?? []) {
        if (shown?.delete(id) !== true) throw new Error(`${id} left and was not there`);
      }
      for (const { id, info } of frame.joined) shown?.set(id, info);
    }
    ({ version, count } = frame);
    if (pages === null && shown !== null && shown.size !== count) throw new Error(`${shown.size} and not ${count}`);
  }
  return shown === null ? count : Object.fromEntries(shown);
}
