import { newClientId } from '@holdfast/protocol/client-id';
import { topicName } from '@holdfast/protocol/topic-name';
import { expect, it } from 'vitest';
import { clientIdOf, newRun, topicNames } from './identity.ts';

it('every client of every run has an id of its own, of the form that Register takes', () => {
  const runs = [newRun(), newRun()];
  const ids = runs.flatMap((run) => Array.from({ length: 500 }, (_, client) => clientIdOf(run, client)));
  expect(new Set(ids).size).toBe(1000);
  for (const id of ids) expect(newClientId.parse(id)).toBe(id);
});

it('the same run always knows the same id for a client', () => {
  const run = newRun();
  expect(clientIdOf(run, 7)).toBe(clientIdOf({ ...run }, 7));
});

it('topics have names that can be created, and differ from those of other runs', () => {
  const [one, other] = [newRun(), newRun()].map((run) => topicNames(run, 3));
  for (const name of one ?? []) expect(topicName.parse(name)).toBe(name);
  expect(one?.some((name) => other?.includes(name))).toBe(false);
});
