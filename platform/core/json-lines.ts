/** A stream of bytes as lines, each of bounded length, whatever the stream holds. */

export interface Line {
  /** 1, 2, 3 … */
  number: number;
  /** Without its line end; null when it is longer than the limit: then it was skipped, not kept. */
  bytes: Buffer | null;
}

/** Lines end with \n; a last line without one counts when it holds anything. Never more than `limitBytes` and one chunk in memory. */
export async function* readLines(body: AsyncIterable<Uint8Array>, limitBytes: number): AsyncIterable<Line> {
  let number = 1;
  let parts: Buffer[] = [];
  let length = 0;
  const take = (piece: Buffer): void => {
    length += piece.length;
    if (length <= limitBytes) parts.push(piece);
    else parts = [];
  };
  const end = (): Line => {
    const line = { number: number++, bytes: length <= limitBytes ? Buffer.concat(parts) : null };
    parts = [];
    length = 0;
    return line;
  };
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let newline = bytes.indexOf(10); newline !== -1; newline = bytes.indexOf(10, start)) {
      take(bytes.subarray(start, newline));
      yield end();
      start = newline + 1;
    }
    take(bytes.subarray(start));
  }
  if (length > 0) yield end();
}
