import { signal } from '@preact/signals';

/** Where the page is: `#/topics/news.sport?tab=live` is view `topics`, `rest` ["news.sport"]. */
export interface Route {
  /** '' before anything was chosen. */
  readonly view: string;
  readonly rest: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}

/** Of a fragment with its `#`. What is no route of ours is the empty one. */
export function parseRoute(fragment: string): Route {
  const [path = '', query = ''] = fragment.replace(/^#/, '').split('?', 2);
  if (!path.startsWith('/')) return { view: '', rest: [], query: {} };
  const [view = '', ...rest] = path.slice(1).split('/').map(decoded);
  return { view, rest, query: Object.fromEntries(new URLSearchParams(query)) };
}

/** The fragment of a route, for links. Values that are empty or undefined are left out. */
export function href(
  view: string,
  rest: readonly string[] = [],
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]));
  const text = new URLSearchParams(given).toString();
  return `#/${[view, ...rest].map(encodeURIComponent).join('/')}${text === '' ? '' : `?${text}`}`;
}

export const route = signal<Route>({ view: '', rest: [], query: {} });

/** Goes to a route; `replace` leaves no step to go back to. */
export function go(fragment: string, { replace = false }: { replace?: boolean } = {}): void {
  history[replace ? 'replaceState' : 'pushState'](null, '', fragment);
  route.value = parseRoute(fragment);
}

/** Follows the address. */
export function followAddress(): void {
  addEventListener('hashchange', follow);
  addEventListener('popstate', follow);
  follow();
}

function follow(): void {
  // No route: the session takes the key out of the address, and puts back what stood there.
  if (location.hash.startsWith('#key=')) return;
  route.value = parseRoute(location.hash);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
