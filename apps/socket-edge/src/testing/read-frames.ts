/** RFC 6455, section 5.2: a whole text frame, not masked, and the two longer forms of its length. */
const FIN_TEXT = 0x81;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

/** The texts of whole text frames that follow each other. Throws when there is anything else. */
export function readFrames(bytes: Buffer): string[] {
  const texts: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes[at] !== FIN_TEXT) throw new Error(`no text frame at byte ${at}: ${bytes[at]}`);
    let length = bytes.readUInt8(at + 1);
    at += 2;
    if (length === LENGTH_16) {
      length = bytes.readUInt16BE(at);
      at += 2;
    } else if (length === LENGTH_64) {
      length = Number(bytes.readBigUInt64BE(at));
      at += 8;
    }
    if (at + length > bytes.length) throw new Error(`a frame of ${length} bytes is cut off`);
    texts.push(bytes.toString('utf8', at, at + length));
    at += length;
  }
  return texts;
}
