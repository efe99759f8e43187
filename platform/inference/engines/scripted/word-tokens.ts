/** Tokens without a vocabulary: words and their pieces, each id made of the bytes themselves, so that every text survives the way back. */

/** Six bytes and their count fit the integers that JSON keeps exact: 2⁵³. */
const mostBytes = 6;
const countUnit = 2 ** (8 * mostBytes);

const encoder = new TextEncoder();

/** A word with the space before it is one token; a long one is several. No token ends inside a character. */
export function wordTokens(text: string): number[] {
  return (text.match(/\s*\S+|\s+$/gu) ?? []).flatMap((word) => pieces(word).map(tokenId));
}

/** An id that `wordTokens` does not make reads as `<id>`. */
export function tokenBytes(id: number): Uint8Array {
  const count = Math.floor(id / countUnit);
  if (count < 1 || count > mostBytes) return encoder.encode(`<${id}>`);
  const bytes = new Uint8Array(count);
  let rest = id % countUnit;
  for (let index = count - 1; index >= 0; index--) {
    bytes[index] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return bytes;
}

export function wordText(ids: readonly number[]): string {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  return ids.map((id) => decoder.decode(tokenBytes(id), { stream: true })).join('') + decoder.decode();
}

/** Cut where the next character would not fit: its bytes are told by its code point, so that a piece is encoded once. */
function pieces(word: string): Uint8Array[] {
  const found: Uint8Array[] = [];
  let start = 0;
  let byteCount = 0;
  for (let index = 0; index < word.length;) {
    const codePoint = word.codePointAt(index)!;
    const bytes = codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
    if (byteCount + bytes > mostBytes) {
      found.push(encoder.encode(word.slice(start, index)));
      start = index;
      byteCount = 0;
    }
    byteCount += bytes;
    index += codePoint > 0xffff ? 2 : 1;
  }
  return [...found, encoder.encode(word.slice(start))];
}

function tokenId(bytes: Uint8Array): number {
  let id = bytes.length;
  for (let index = 0; index < mostBytes; index++)
    id = id * 256 + (index < mostBytes - bytes.length ? 0 : bytes[index - mostBytes + bytes.length]!);
  return id;
}
