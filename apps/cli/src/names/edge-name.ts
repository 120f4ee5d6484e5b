import type { Edges } from '@holdfast/client/rest';
import type { Invocation } from '../invocation.ts';
import { pick } from './pick.ts';

/** For `--help`. */
export const EDGE_ARGUMENT = 'its id as "edges" lists it, or the beginning of one, or its URL';

type Edge = Edges['edges'][number];

/** The id of a live edge that a person names so. Raises CliError `no-such-name` and `ambiguous-name`. */
export async function edgeNamed(invocation: Invocation, text: string): Promise<string> {
  const { edges } = await (await invocation.rest()).edges();
  const exact = edges.filter(({ id, url }) => id === text || url === text);
  const matching = exact.length > 0 ? exact : edges.filter(({ id }) => text !== '' && id.startsWith(text));
  const { id } = pick({
    what: 'live edge',
    text,
    heading: ['id', 'url'],
    matching: matching.map(shown),
    others: edges.map(shown),
    missing: `No live edge has the id "${text}", nor one that begins so.`,
  });
  return id;
}

function shown(edge: Edge): { value: Edge; columns: string[] } {
  return { value: edge, columns: [edge.id, edge.url] };
}
