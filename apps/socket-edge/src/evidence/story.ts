import type { ConnectionStory, LostRange } from '@holdfast/broker/evidence';

/** Of each kind that is kept of a connection: what is more is only known to be more. */
const MAX_KEPT = 8;

const NOTHING = { unnamed: [], lost: [], cut: false } as const;
/** The same objects for nearly all connections. */
export const NOT_RESUMED: ConnectionStory = Object.freeze({ resumed: false, ...NOTHING });
const RESUMED: ConnectionStory = Object.freeze({ resumed: true, ...NOTHING });

/** Of a connection that resumed. @param unnamed the topics of which it stated no position */
export function resumedStory(unnamed: readonly string[]): ConnectionStory {
  if (unnamed.length === 0) return RESUMED;
  return { ...RESUMED, unnamed: unnamed.slice(0, MAX_KEPT), cut: unnamed.length > MAX_KEPT };
}

/** With something more that was announced as lost; the newest are kept. */
export function withLost(story: ConnectionStory, range: LostRange): ConnectionStory {
  const lost = [...story.lost, range];
  return { ...story, lost: lost.slice(-MAX_KEPT), cut: story.cut || lost.length > MAX_KEPT };
}
