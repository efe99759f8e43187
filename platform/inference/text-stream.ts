/** Bytes of tokens in, text that may be shown out: never half a character, never a piece of a stop string. */

/**
 * Cuts do not matter: however the bytes are divided into pushes, the pieces join to the same text. It ends before the stop string that
 * is complete first (of several complete at the same character, the one that began first). Empty and ill-formed stop strings are ignored.
 */
export class TextStream {
  /** Set once a stop string was found: everything before it has been returned, nothing follows. */
  stopped = false;
  /** UTF-16 units decoded so far, held back or not; a token's text ends here after its push. */
  decodedLength = 0;
  /** UTF-16 units returned so far. */
  shownLength = 0;
  readonly #stops: string[];
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #held = '';

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== '' && stop.isWellFormed());
  }

  /** The text that became certain with these bytes: often one token behind. */
  push(bytes: Uint8Array): string {
    return this.#take(this.#decoder.decode(bytes, { stream: true }));
  }

  /** What was held back, at the end of generation; bytes that never became a character are U+FFFD. */
  end(): string {
    const text = this.#take(this.#decoder.decode());
    if (this.stopped) return text;
    const rest = text + this.#held;
    this.#held = '';
    this.shownLength = this.decodedLength;
    return rest;
  }

  #take(decoded: string): string {
    if (this.stopped) return '';
    this.decodedLength += decoded.length;
    const text = this.#held + decoded;
    const found = firstComplete(text, this.#stops);
    if (found !== null) this.stopped = true;
    const shown = found === null ? text.slice(0, text.length - mayBegin(text, this.#stops)) : text.slice(0, found);
    this.#held = found === null ? text.slice(shown.length) : '';
    this.shownLength += shown.length;
    return shown;
  }
}

/** Where the stop string begins that is complete first, or null. */
function firstComplete(text: string, stops: readonly string[]): number | null {
  let best: { start: number; end: number } | null = null;
  for (const stop of stops) {
    const start = text.indexOf(stop);
    if (start === -1) continue;
    const end = start + stop.length;
    if (best === null || end < best.end || (end === best.end && start < best.start)) best = { start, end };
  }
  return best?.start ?? null;
}

/** Length of the longest end of `text` that may be the beginning of a stop string. */
function mayBegin(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}
