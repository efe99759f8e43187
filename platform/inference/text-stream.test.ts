import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TextStream } from './text-stream.ts';

/** Divides `bytes` at the given places and joins what the stream shows. */
function show(bytes: Uint8Array, cuts: number[], stops: string[]): { pieces: string[]; stopped: boolean } {
  const stream = new TextStream(stops);
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].toSorted((a, b) => a - b);
  const pieces: string[] = [];
  let from = 0;
  for (const place of [...places, bytes.length]) {
    pieces.push(stream.push(bytes.subarray(from, place)));
    from = place;
  }
  pieces.push(stream.end());
  return { pieces, stopped: stream.stopped };
}

/** The rule, said slowly: read character by character, end as soon as the text ends with a stop string. */
function expected(text: string, stops: string[]): string {
  let read = '';
  for (const character of text) {
    read += character;
    const hits = stops.filter((stop) => stop !== '' && read.endsWith(stop));
    if (hits.length > 0) return read.slice(0, read.length - Math.max(...hits.map((stop) => stop.length)));
  }
  return text;
}

const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: fc.constantFrom('a', 'b', 'é', '😀', '😃', '中') }));
const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'é', '😀', '😃'), maxLength: 3 }), { maxLength: 4 });
const cuts = fc.array(fc.nat(), { maxLength: 12 });

describe('TextStream', () => {
  it('shows the text up to the first complete stop string, however the bytes are cut', () => {
    fc.assert(
      fc.property(text, stops, cuts, (value, stopStrings, places) => {
        const wellFormed = value.toWellFormed();
        const { pieces, stopped } = show(new TextEncoder().encode(wellFormed), places, stopStrings);
        expect(pieces.join('')).toBe(expected(wellFormed, stopStrings));
        expect(stopped).toBe(expected(wellFormed, stopStrings) !== wellFormed);
      }),
      { numRuns: 2000 },
    );
  });

  it('never shows half a character, even byte by byte', () => {
    fc.assert(
      fc.property(text, (value) => {
        const bytes = new TextEncoder().encode(value.toWellFormed());
        const { pieces } = show(bytes, Array.from(bytes.keys()), []);
        for (const piece of pieces) expect(piece).not.toContain('\uFFFD'.repeat(value.includes('\uFFFD') ? 99 : 1));
        for (const piece of pieces) expect(piece.isWellFormed()).toBe(true);
      }),
    );
  });

  it('agrees with a decoder that sees all bytes at once, also when they are not UTF-8', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), cuts, (bytes, places) => {
        const whole = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
        expect(show(bytes, places, []).pieces.join('')).toBe(whole);
      }),
    );
  });

  it('holds back what may begin a stop string and gives it out when it did not', () => {
    const stream = new TextStream(['</s>']);
    const encode = (value: string): Uint8Array => new TextEncoder().encode(value);
    expect(stream.push(encode('one <'))).toBe('one ');
    expect(stream.push(encode('/'))).toBe('');
    expect(stream.push(encode('b>'))).toBe('</b>');
    expect([stream.decodedLength, stream.shownLength]).toEqual([8, 8]);
    expect(stream.push(encode(' two </s'))).toBe(' two ');
    expect(stream.end()).toBe('</s');
  });
});
