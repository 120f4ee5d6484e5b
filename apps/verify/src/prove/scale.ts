/** How large a run is. */
export interface Scale {
  members: number;
  /** Clients of the storm that follows the death of an edge. */
  stormMembers: number;
  topics: number;
  /** Topics more that nobody has at first. */
  laterTopics: number;
  /** Messages a second, over all topics. */
  rate: number;
  /** Processes that hold the members, so that reading does not wait for checking. */
  workers: number;
  /** Installations that stand, and are broken, at the same time: most of a fault is waiting. */
  sideBySide: number;
}

export type ProfileName = 'quick' | 'full';

export const profiles: Record<ProfileName, Scale> = {
  quick: { members: 300, stormMembers: 2000, topics: 20, laterTopics: 2, rate: 40, workers: 1, sideBySide: 2 },
  full: { members: 3000, stormMembers: 20_000, topics: 20, laterTopics: 2, rate: 40, workers: 2, sideBySide: 1 },
};
