import { CONNECT_PATH } from '@holdfast/protocol/version';

/** Gives the edges in turn, for ever. */
export type NextUrl = () => URL;

/**
 * Takes base URLs such as `ws://127.0.0.1:7701`; raises TypeError for anything that no WebSocket can be opened to.
 * The order is shuffled once: clients start on different edges, and those of an edge that died spread over all others
 * instead of moving on to the same next one.
 * @param first where to start, in place of anywhere
 */
export function urlRotation(bases: readonly string[], first?: string): NextUrl {
  if (bases.length === 0) throw new TypeError('no URL to connect to: is any edge alive?');
  const urls = bases.map(connectUrl);
  for (let last = urls.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1));
    [urls[last], urls[other]] = [urls[other] as URL, urls[last] as URL];
  }
  const start = first === undefined ? -1 : urls.findIndex(({ href }) => href === connectUrl(first).href);
  let next = Math.max(0, start);
  return () => new URL(urls[next++ % urls.length] as URL);
}

function connectUrl(base: string): URL {
  const url = new URL(base);
  if (!/^(ws|http)s?:$/.test(url.protocol)) throw new TypeError(`not a WebSocket URL: ${base}`);
  url.protocol = url.protocol.replace('http', 'ws');
  url.pathname = url.pathname.replace(/\/+$/, '') + CONNECT_PATH;
  return url;
}
