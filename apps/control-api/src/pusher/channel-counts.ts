import type { Edges, Presence } from '@holdfast/broker/broker';
import { channelKind, channelTopic } from '@holdfast/protocol/pusher-channels';
import type { ChannelAttribute, ChannelCounts } from '@holdfast/protocol/pusher-rest';
import pLimit from 'p-limit';
import { CallerGone } from '../limits/bulk-reads.ts';

/**
 * Surveys of one app at a time. Each is a question to the edges, and its answers are looked for in Redis until all are
 * there. The bound holds for calls without a turn too: those that gave it back, and those whose caller has hung up.
 */
const MAX_SURVEYS = 50;
/** After a survey that an edge did not answer in time the next ones would wait as long, and learn as little. */
const STALLED_MS = 5000;
/** Channels whose users are counted at a time. */
const MAX_BATCH = 500;

/** What is asked of a channel. */
export interface AskedChannel {
  readonly channel: string;
  readonly info: ReadonlySet<ChannelAttribute>;
}

export interface Counting {
  /** Counts the users of at most 500 channels. */
  readonly countPresent: Presence['countPresent'];
  /** Whether the caller has closed its connection: then no more is counted. */
  readonly isGone: () => boolean;
  /** Called before edges are asked, for which the call may wait. */
  readonly beforeSurveys?: () => void;
}

/** Counts users and subscriptions of channels, for all calls of this process. */
export class ChannelCounter {
  readonly #broker: Pick<Edges, 'surveySubscribers'>;
  readonly #surveys = new Map<string, SurveysOfApp>();

  constructor(broker: Pick<Edges, 'surveySubscribers'>) {
    this.#broker = broker;
  }

  /**
   * What is asked of channels, in the order given: of each what there is of its kind. The number of subscriptions is not
   * there when an edge did not answer in time, nor for a few seconds after that. Rejects with `CallerGone`.
   */
  async count(appId: string, asked: readonly AskedChannel[], counting: Counting): Promise<ChannelCounts[]> {
    const counts = new Map<string, ChannelCounts>();
    const rooms = channelsToCount(asked, 'user_count');
    for (let from = 0; from < rooms.length; from += MAX_BATCH) {
      if (counting.isGone()) throw new CallerGone();
      const some = rooms.slice(from, from + MAX_BATCH);
      const numbers = await counting.countPresent(some.map((channel) => channelTopic(appId, channel)));
      for (const [index, channel] of some.entries()) counts.set(channel, { user_count: numbers[index] ?? 0 });
    }
    const others = channelsToCount(asked, 'subscription_count');
    if (others.length > 0) {
      counting.beforeSurveys?.();
      const numbers = await this.#survey(appId, others, counting.isGone);
      for (const [index, channel] of others.entries()) {
        const number = numbers[index];
        if (number !== undefined) counts.set(channel, { subscription_count: number });
      }
    }
    return asked.map(({ channel, info }) => (info.has(countOf(channel)) ? (counts.get(channel) ?? {}) : {}));
  }

  async #survey(appId: string, channels: readonly string[], isGone: () => boolean): Promise<(number | undefined)[]> {
    const surveys = this.#surveysOf(appId);
    let failed = false;
    const survey = async (channel: string): Promise<number | undefined> => {
      try {
        return await this.#broker.surveySubscribers(channelTopic(appId, channel));
      } catch (error) {
        failed = true;
        throw error;
      }
    };
    return Promise.all(
      channels.map((channel) =>
        surveys.run(() => {
          if (isGone()) throw new CallerGone();
          return failed ? null : survey(channel);
        }),
      ),
    );
  }

  #surveysOf(appId: string): SurveysOfApp {
    const known = this.#surveys.get(appId);
    if (known !== undefined) return known;
    const surveys = new SurveysOfApp();
    this.#surveys.set(appId, surveys);
    return surveys;
  }
}

class SurveysOfApp {
  readonly #limit = pLimit(MAX_SURVEYS);
  #stalledUntil = -Infinity;

  /**
   * Undefined when an edge did not answer in time, or the survey was not made.
   * @param survey null: it is not wanted any more
   */
  run(survey: () => Promise<number | undefined> | null): Promise<number | undefined> {
    return this.#limit(async () => {
      if (performance.now() < this.#stalledUntil) return undefined;
      const answer = survey();
      if (answer === null) return undefined;
      const number = await answer;
      if (number === undefined) this.#stalledUntil = performance.now() + STALLED_MS;
      return number;
    });
  }
}

/** The attribute that counts a channel of this kind. */
export function countOf(channel: string): 'user_count' | 'subscription_count' {
  return channelKind(channel).access === 'presence' ? 'user_count' : 'subscription_count';
}

/** Each once. */
function channelsToCount(asked: readonly AskedChannel[], attribute: ReturnType<typeof countOf>): string[] {
  const counted = asked.filter(({ channel, info }) => info.has(attribute) && countOf(channel) === attribute);
  return [...new Set(counted.map(({ channel }) => channel))];
}
