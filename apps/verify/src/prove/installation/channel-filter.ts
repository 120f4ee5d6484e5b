/** `smessage` as RESP2 and RESP3 announce it, up to the length of the channel's name. */
const PUSHED = /^[*>]3\r\n\$8\r\nsmessage\r\n\$(\d+)\r\n/;
const HEAD_BYTES = 64;
const CR = 13;

/**
 * Mutes some channels of a subscriber, though its connection is healthy: takes the bytes of a connection from
 * Redis, and gives them without the messages of these channels.
 */
export function channelFilter(
  isDropped: (channel: string) => boolean,
  onDropped: () => void,
): (bytes: Buffer) => Buffer {
  let rest: Buffer = Buffer.alloc(0);
  return (bytes) => {
    const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    const kept: Buffer[] = [];
    let from = 0;
    for (let to = replyEnd(all, from); to !== null; to = replyEnd(all, from)) {
      const channel = channelOf(all, from);
      if (channel !== null && isDropped(channel)) onDropped();
      else kept.push(all.subarray(from, to));
      from = to;
    }
    rest = Buffer.from(all.subarray(from));
    return Buffer.concat(kept);
  };
}

function channelOf(bytes: Buffer, at: number): string | null {
  const head = PUSHED.exec(bytes.toString('latin1', at, at + HEAD_BYTES));
  if (head === null) return null;
  const start = at + head[0].length;
  return bytes.toString('utf8', start, start + Number(head[1]));
}

/** Where the reply that begins at `at` ends (RESP3); null when it is not all there. */
function replyEnd(bytes: Buffer, at: number): number | null {
  let position = at;
  for (let wanted = 1; wanted > 0; wanted -= 1) {
    const lineEnd = bytes.indexOf(CR, position);
    if (lineEnd === -1 || lineEnd + 2 > bytes.length) return null;
    const type = String.fromCharCode(bytes[position] ?? 0);
    const count = Number(bytes.toString('latin1', position + 1, lineEnd));
    position = lineEnd + 2;
    if ('$=!'.includes(type) && count >= 0) position += count + 2;
    else if ('*~>'.includes(type) && count > 0) wanted += count;
    else if (type === '%') wanted += 2 * count;
    // Attributes go before what they belong to.
    else if (type === '|') wanted += 2 * count + 1;
    if (position > bytes.length) return null;
  }
  return position;
}
