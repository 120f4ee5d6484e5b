/** The longest piece of a port that can stand at the end of what came so far, with what goes before it. */
const TAIL = /(:\d{0,5}|\n\d{1,5})$/;
const TAIL_BYTES = 6;

/**
 * What makes a client of a Cluster, or of Sentinels, stay behind proxies: takes the bytes of a connection from there,
 * and gives them with other ports in place of these. Servers name each other in answers of several forms, in which a
 * port stands behind a colon or on a line of its own. Both ports have five digits, so that lengths stay true.
 */
export function portRewriter(ports: ReadonlyMap<number, number>): (bytes: Buffer) => Buffer {
  for (const port of [...ports].flat()) if (port < 10_000) throw new Error(`port ${port} has not five digits`);
  let rest: Buffer = Buffer.alloc(0);
  return (bytes) => {
    const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    // The rest of it comes in a moment: replies end with a line break.
    const tail = TAIL.exec(all.toString('latin1', Math.max(0, all.length - TAIL_BYTES)))?.[0].length ?? 0;
    rest = Buffer.from(all.subarray(all.length - tail));
    const text = all.toString('latin1', 0, all.length - tail);
    const rewritten = text.replaceAll(/(?<=[:\n])\d{5}(?!\d)/g, (port) => String(ports.get(Number(port)) ?? port));
    return Buffer.from(rewritten, 'latin1');
  };
}
