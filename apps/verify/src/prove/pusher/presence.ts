import { isPresent } from '../presence/findings.ts';
import type { MemberSpans } from '../presence/log.ts';
import type { Watchers } from '../presence/read-presence.ts';
import type { PusherApi } from './api.ts';
import { PRESENCE_CHANNEL } from './channels.ts';
import type { Pool } from './worker-protocol.ts';

/** The presence channel as clients are shown it, and as the REST API has it. */
export function watchersOf(pool: Pool, api: PusherApi): Watchers {
  return {
    truth: async () => united((await pool.all('presenceTruth', null)).flatMap(({ members }) => members)),
    wrong: async (truth) => {
      const shown = (await pool.all('presenceWrong', { truth })).flatMap(({ wrong }) => wrong);
      return [...shown, ...(await wrongInRest(api, truth))];
    },
    judge: (truth, run) => pool.all('presenceJudge', { truth, run }),
  };
}

/** The connections of one user may be in several workers. */
function united(members: readonly MemberSpans[]): MemberSpans[] {
  const users = Map.groupBy(members, ({ member }) => member);
  return Array.from(users, ([member, ones]) => ({
    member,
    spans: ones.flatMap(({ spans }) => spans).toSorted((a, b) => (a.to ?? Infinity) - (b.to ?? Infinity)),
    isUncertain: false,
  }));
}

/** What the REST API answers that is not so, each as a sentence. */
async function wrongInRest(api: PusherApi, truth: readonly MemberSpans[]): Promise<string[]> {
  const { users } = await api.get<{ users: { id: string }[] }>(`/channels/${PRESENCE_CHANNEL}/users`);
  const listed = new Set(users.map(({ id }) => id));
  const present = new Set(truth.filter(isPresent).map(({ member }) => member));
  const stale = listed.difference(present).size;
  const missing = present.difference(listed).size;
  const wrong: string[] = [];
  if (stale > 0) wrong.push(`the API lists ${stale} users that are not there`);
  if (missing > 0) wrong.push(`the API does not list ${missing} users that are there`);
  const info = await api.get<{ user_count?: number }>(`/channels/${PRESENCE_CHANNEL}`, { info: 'user_count' });
  if (info.user_count !== listed.size) {
    wrong.push(`the API lists ${listed.size} users and counts ${info.user_count ?? 'none'}`);
  }
  return wrong;
}
