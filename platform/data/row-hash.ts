/** Short fingerprints of texts, and what stands at the same one: in typed arrays, so that a million rows stay small. */
import { hash } from 'node:crypto';

/** 52 bits of SHA-256: among a million texts two differing ones meet with a chance of one in ten thousand. */
export function textHash(text: string): number {
  return Number.parseInt(hash('sha256', text, 'hex').slice(0, 13), 16);
}

/** Stands in a column for a row that has no value. */
export const none = Infinity;

/** One number a row, in the order of the rows. */
export class HashColumn {
  #values = new Float64Array(1024);
  length = 0;

  /** Row numbers count from 1: the n-th value is row n's. */
  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Float64Array(this.#values.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  at(row: number): number {
    return this.#values[row - 1]!;
  }

  /** The values, smallest first. */
  sorted(): Float64Array {
    return this.#values.slice(0, this.length).sort();
  }

  /** Row numbers by their value, equal ones in the order of the rows; those without one are left out. */
  groups(least = 2): number[][] {
    const rows = new Uint32Array(this.length).map((_, index) => index + 1);
    // Two without a value differ by NaN, which counts as equal.
    rows.sort((left, right) => this.at(left) - this.at(right) || left - right);
    const groups: number[][] = [];
    for (let start = 0; start < rows.length;) {
      const value = this.at(rows[start]!);
      let end = start + 1;
      while (end < rows.length && this.at(rows[end]!) === value) end++;
      if (end - start >= least && value !== none) groups.push([...rows.subarray(start, end)]);
      start = end;
    }
    return groups.sort((left, right) => left[0]! - right[0]!);
  }
}
