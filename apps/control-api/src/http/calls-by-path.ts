interface Known {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
}

/** Which methods the calls of a path have (RFC 9110, 15.5.6), for the answers to those that it has not. */
export class CallsByPath {
  readonly #known = new Map<string, Known>();

  /** Takes a route of Fastify's: `/v1/topics/:topic`. */
  add(route: string, methods: string | readonly string[]): void {
    // Those for everything beneath a path are of libraries, and answer for themselves.
    if (route.includes('*')) return;
    const pattern = new RegExp(`^${route.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll(/:[^/]+/g, '[^/]+')}$`);
    const known = this.#known.get(route) ?? { pattern, methods: new Set<string>() };
    for (const method of [methods].flat()) known.methods.add(method);
    this.#known.set(route, known);
  }

  /** The methods of a URL's path, by name; empty when it has none. */
  methodsOf(url: string): string[] {
    const [path = ''] = url.split('?');
    const methods = [...this.#known.values()].flatMap((known) => (known.pattern.test(path) ? [...known.methods] : []));
    return [...new Set(methods)].toSorted();
  }
}
