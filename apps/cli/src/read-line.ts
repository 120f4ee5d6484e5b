import type { Readable } from 'node:stream';

const LINE_FEED = 0x0a;

/** Reads up to the end of the first line, or of the stream. What follows stays in the stream. */
export function readLine(stream: Readable): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const finish = (): void => {
      stream.off('readable', read).off('end', finish).off('error', reject);
      resolve(Buffer.concat(chunks).toString().replace(/\r$/, ''));
    };
    const read = (): void => {
      for (let chunk = next(stream); chunk !== null; chunk = next(stream)) {
        const end = chunk.indexOf(LINE_FEED);
        chunks.push(end === -1 ? chunk : chunk.subarray(0, end));
        if (end === -1) continue;
        stream.unshift(chunk.subarray(end + 1));
        finish();
        stream.pause();
        return;
      }
    };
    stream.on('readable', read).on('end', finish).on('error', reject);
  });
}

function next(stream: Readable): Buffer | null {
  return stream.read() as Buffer | null;
}
