import { setTimeout as delay } from 'node:timers/promises';

interface Match {
  readonly id: string;
  readonly home: string;
  readonly away: string;
  readonly goals: readonly [home: number, away: number];
}

/** How all matches stand. */
export interface Scores {
  /** Rises with each change, and from one start of the server to the next. */
  readonly version: number;
  readonly minute: number;
  readonly matches: readonly Match[];
}

export interface Goal {
  readonly match: string;
  readonly text: string;
}

const FULL_TIME = 90;
/** In each of these minutes of ten there is a goal, in the matches in turn. */
const GOAL_MINUTES = [2, 5, 7];

export const kickOff: Scores = {
  version: Date.now(),
  minute: 0,
  matches: [
    { id: 'north', home: 'Harbour', away: 'Northgate', goals: [0, 0] },
    { id: 'south', home: 'Millfield', away: 'Southport', goals: [0, 0] },
    { id: 'west', home: 'Westbridge', away: 'Orchard', goals: [0, 0] },
  ],
};

/** Invents one round after the other, a minute of play every `minuteMs`. Yours come from who measures them. */
export async function* play(minuteMs: number): AsyncGenerator<{ scores: Scores; goals: Goal[] }> {
  let scores = kickOff;
  for (;;) {
    await delay(minuteMs);
    const version = scores.version + 1;
    const minute = scores.minute === FULL_TIME ? 0 : scores.minute + 1;
    const last = minute === 0 ? kickOff.matches : scores.matches;
    const scorer = GOAL_MINUTES.indexOf(minute % 10);
    const matches = last.map((match, index) => (index === scorer ? withGoal(match, minute) : match));
    scores = { version, minute, matches };
    const goals = matches
      .filter((match, index) => index === scorer && match !== last[index])
      .map(({ id, home, away, goals: [left, right] }) => ({ match: id, text: `${home} ${left} : ${right} ${away}` }));
    yield { scores, goals };
  }
}

function withGoal(match: Match, minute: number): Match {
  const [home, away] = match.goals;
  return { ...match, goals: minute % 20 < 10 ? [home + 1, away] : [home, away + 1] };
}
