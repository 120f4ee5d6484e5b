import { listKeys } from '@holdfast/keys-file/keys-file';
import { MAX_PAGE } from '@holdfast/protocol/limits';
import { operatorCalls } from '../calls.ts';
import { readSettings } from '../config.ts';
import { type Invocation, KEY_FROM_INPUT, invocationWith } from '../invocation.ts';
import type { Terminal } from '../terminal.ts';
import type { Place } from './line.ts';

/** A word that may stand at the cursor. */
export interface Candidate {
  readonly word: string;
  /** One line for people. */
  readonly about: string;
}

/** A person who presses the key waits for it. */
const TIMEOUT_MS = 800;

const VALUE_NAMES = ['topic', 'topics', 'client', 'edge', 'key-id'] as const;

type ValueName = (typeof VALUE_NAMES)[number];

/** What there is to name, by the name that an argument or the value of an option has in the definition. */
export type Values = Readonly<Record<ValueName, (typed: string) => Promise<readonly Candidate[]>>>;

export function isValueName(name: string): name is ValueName {
  return (VALUE_NAMES as readonly string[]).includes(name);
}

/**
 * Asks the installation that the line names, or else the environment; gives nothing when that does not answer soon. A line
 * that is not sent yet may have come from elsewhere: an address in it gets no key but one that is in it, too.
 */
export function valuesFrom(terminal: Terminal, { given }: Pick<Place, 'given'>): Values {
  const control = given.get('--control');
  const key = given.get('--key') === KEY_FROM_INPUT ? undefined : given.get('--key');
  const invocation = invocationWith(
    { ...(control === undefined ? {} : { control }), ...(key === undefined ? {} : { key }) },
    terminal,
  );
  const mayAsk = control === undefined || key !== undefined;
  const asked = (names: (typed: string) => Promise<readonly Candidate[]>) =>
    silently((typed) => (mayAsk ? names(typed) : Promise.resolve([])));
  const topics = asked((typed) => topicNames(invocation, typed));
  return {
    topic: topics,
    topics,
    client: asked(() => clientNames(invocation)),
    edge: asked(() => edgeIds(invocation)),
    'key-id': silently(() => keyIds(invocation, given.get('--file'))),
  };
}

/** An error has no place on a line that a person types. */
function silently(
  found: (typed: string) => Promise<readonly Candidate[]>,
): (typed: string) => Promise<readonly Candidate[]> {
  return async (typed) => {
    try {
      return await found(typed);
    } catch (error) {
      if (error instanceof Error) return [];
      throw error;
    }
  };
}

async function topicNames(invocation: Invocation, typed: string): Promise<Candidate[]> {
  const call = () => invocation.call(TIMEOUT_MS);
  const { topics } = await operatorCalls({ call }).topicsWith(typed, MAX_PAGE);
  return topics.map(({ topic, history }) => ({ word: topic, about: `keeps ${history.size} messages` }));
}

async function clientNames(invocation: Invocation): Promise<Candidate[]> {
  const { clients } = await (await invocation.rest(TIMEOUT_MS)).clients({ limit: MAX_PAGE });
  // Another key's client may have the same name.
  return clients.flatMap(({ clientId, name, connected }) =>
    clientId === undefined || name === null ? [] : [{ word: name, about: connected ? 'connected' : 'not connected' }],
  );
}

async function edgeIds(invocation: Invocation): Promise<Candidate[]> {
  const { edges } = await (await invocation.rest(TIMEOUT_MS)).edges();
  return edges.map(({ id, url, connections }) => ({ word: id, about: `${url}, ${connections} connections` }));
}

async function keyIds({ terminal }: Invocation, file: string | undefined): Promise<Candidate[]> {
  const named = file ?? readSettings(terminal.environment).keysFile ?? (await terminal.installation())?.keysFile;
  return (await listKeys(named ?? 'api-keys.json')).map(({ id }) => ({ word: id, about: '' }));
}
