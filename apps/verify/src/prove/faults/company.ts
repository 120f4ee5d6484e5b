import { Company } from '../actors/company.ts';
import { followUp } from '../actors/follow-up.ts';
import { judge } from '../model/judge.ts';
import type { Scene } from '../scene.ts';

const READY_MS = 60_000;

/** Clients beside the members: those to whom a fault happens, and who are judged by their whole history. */
export function companyOf({ control, installation, random }: Scene): Company {
  return new Company({ control, edgeUrls: installation.edgeUrls, random });
}

/** Waits until every service says that it is ready: a fault is over. */
export async function untilReady({ installation, until }: Scene): Promise<void> {
  for (const { url, name } of [...installation.controls, ...installation.edges]) {
    const isReady = () =>
      fetch(`${url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
    await until(`${name} is ready`, isReady, READY_MS);
  }
}

/** Has everybody in the company follow every kind of change. Gives what was broken, then and before, as sentences. */
export async function brokenIn(company: Company, topics: readonly string[]): Promise<string[]> {
  await followUp(company, topics);
  const { history } = company;
  const violations = judge(history.events);
  if (violations.length === 0) return [];
  const file = await history.dump({ violations });
  const kinds = Map.groupBy(violations, ({ kind }) => kind);
  const sentences = Array.from(kinds, ([kind, [first, ...more]]) => {
    const others = more.length === 0 ? '' : `, and ${more.length} more`;
    return `${kind}: ${first?.text ?? ''}${others}`;
  });
  return [...sentences, `the history of these clients: ${file}`];
}
