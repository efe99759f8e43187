/**
 * MinHash signatures (Broder 1997) and their banding (Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, 3.4): which of many texts
 * are alike, without comparing each with each.
 *
 * A text is the set of its word triples; `size` independent minima over the set agree between two texts as often as the sets are alike
 * (Jaccard). Of a text are kept 20 hashes of 6 minima each, which bring likely pairs together, and the low byte of each minimum, which
 * tells how alike the pair is: 200 bytes.
 */
const bands = 20;
const minimaInBand = 6;
const size = bands * minimaInBand;

/** Odd multipliers and summands of the hash functions, from a fixed generator: the same texts are always alike. */
const factors = new Uint32Array(size);
const summands = new Uint32Array(size);
let state = 0x9e3779b9;
for (let index = 0; index < size; index++) {
  factors[index] = (next() | 1) >>> 0;
  summands[index] = next();
}

/** xorshift32. */
function next(): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 0;
}

export class MinHashIndex {
  #bands = new Uint32Array(bands * 1024);
  #bytes = new Uint8Array(size * 1024);
  readonly #minima = new Uint32Array(size);
  length = 0;

  /** Texts count from 1. One without a word is like no other. */
  add(text: string): void {
    const words = text.split(' ').filter(Boolean);
    this.#minima.fill(0xffffffff);
    for (let start = 0; start < Math.max(1, words.length - 2) && words.length > 0; start++) {
      const hash = fnv1a(words.slice(start, start + 3).join(' '));
      for (let index = 0; index < size; index++) {
        const value = mix(Math.imul(hash ^ summands[index]!, factors[index]!));
        if (value < this.#minima[index]!) this.#minima[index] = value;
      }
    }
    this.#grow();
    const at = this.length++;
    for (let index = 0; index < size; index++) this.#bytes[at * size + index] = this.#minima[index]! & 255;
    for (let band = 0; band < bands; band++)
      this.#bands[at * bands + band] = words.length === 0 ? mix(at + 1) : bandHash(this.#minima, band);
  }

  /** Estimated Jaccard similarity, 0 to 1; standard error about 0.04. */
  similarity(left: number, right: number): number {
    const [one, other] = [(left - 1) * size, (right - 1) * size];
    let same = 0;
    for (let index = 0; index < size; index++) if (this.#bytes[one + index] === this.#bytes[other + index]) same++;
    // Two bytes agree by chance in one of 256 cases.
    return Math.max(0, (same / size - 1 / 256) / (1 - 1 / 256));
  }

  /** For each text that is like an earlier one: the first of those. */
  alike(least: number): Map<number, number> {
    const first = new Map<number, number>();
    for (let band = 0; band < bands; band++) {
      const order = this.#sorted(band);
      for (let start = 0; start < order.length;) {
        const key = this.#bands[(order[start]! - 1) * bands + band];
        let end = start + 1;
        while (end < order.length && this.#bands[(order[end]! - 1) * bands + band] === key) end++;
        if (end - start > 1) this.#joinGroup(order.subarray(start, end), least, first);
        start = end;
      }
    }
    return first;
  }

  /** Texts by their hash in a band, then by number. Both in one double, since numbers alone are sorted ten times as fast. */
  #sorted(band: number): Uint32Array {
    const numbers = 2 ** Math.ceil(Math.log2(this.length + 1));
    // Of more than two million texts the hash keeps fewer bits: its groups then hold strangers, which are told apart when compared.
    const coarse = Math.max(1, numbers / 2 ** 21);
    const keys = new Float64Array(this.length);
    for (let text = 1; text <= this.length; text++)
      keys[text - 1] = Math.floor(this.#bands[(text - 1) * bands + band]! / coarse) * numbers + text;
    return Uint32Array.from(keys.sort(), (key) => key % numbers);
  }

  /** Texts with the same hash of a band are compared with the first few of their group that are unlike each other. */
  #joinGroup(group: Uint32Array, least: number, first: Map<number, number>): void {
    const leaders: number[] = [];
    for (const text of group) {
      const leader = leaders.find((each) => this.similarity(each, text) >= least);
      if (leader === undefined) {
        if (leaders.length < 32) leaders.push(text);
      } else {
        const known = first.get(text);
        const origin = first.get(leader) ?? leader;
        if ((known === undefined || origin < known) && origin !== text) first.set(text, origin);
      }
    }
  }

  #grow(): void {
    if (this.length * bands < this.#bands.length) return;
    const largerBands = new Uint32Array(this.#bands.length * 2);
    largerBands.set(this.#bands);
    const largerBytes = new Uint8Array(this.#bytes.length * 2);
    largerBytes.set(this.#bytes);
    [this.#bands, this.#bytes] = [largerBands, largerBytes];
  }
}

function bandHash(minima: Uint32Array, band: number): number {
  let hash = band + 1;
  for (let index = 0; index < minimaInBand; index++) hash = mix(Math.imul(hash, 31) + minima[band * minimaInBand + index]!);
  return hash;
}

/** The finaliser of MurmurHash3. */
function mix(value: number): number {
  let hash = value ^ (value >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}
