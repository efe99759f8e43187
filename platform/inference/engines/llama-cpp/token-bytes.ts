/** The bytes of each token: a token may be a piece of a character, which text cannot say. */
import type { NativeModel } from './native.ts';

/** Bits of llama.cpp's `llama_token_attr`. */
const tokenAttribute = { control: 1 << 3, userDefined: 1 << 4, byte: 1 << 5 } as const;

const encoder = new TextEncoder();

export interface TokenBytes {
  /** What the token adds to a text; nothing for control tokens. */
  shown(token: number): Uint8Array;
  /** The same, with control tokens spelt out: `<|im_end|>`. */
  spelt(token: number): Uint8Array;
}

/** `vocabulary` is the GGUF's `tokenizer.ggml.model`: `gpt2` is byte-level BPE, everything else marks spaces by U+2581. */
export function readTokenBytes(model: NativeModel, vocabulary: string): TokenBytes {
  const known = new Map<number, { bytes: Uint8Array; isControl: boolean }>();
  const decode = vocabulary === 'gpt2' ? fromByteLevel : fromSentencePiece;
  const read = (token: number): { bytes: Uint8Array; isControl: boolean } => {
    let entry = known.get(token);
    if (!entry) {
      const text = model.getTokenString(token);
      const attributes = model.getTokenAttributes(token);
      const isControl = (attributes & tokenAttribute.control) !== 0;
      const isVerbatim = isControl || (attributes & tokenAttribute.userDefined) !== 0;
      const isByte = (attributes & tokenAttribute.byte) !== 0;
      entry = { bytes: isVerbatim ? encoder.encode(text) : decode(text, isByte), isControl };
      known.set(token, entry);
    }
    return entry;
  };
  const nothing = new Uint8Array();
  return {
    shown: (token) => {
      const { bytes, isControl } = read(token);
      return isControl ? nothing : bytes;
    },
    spelt: (token) => read(token).bytes,
  };
}

/** GPT-2's alphabet (Radford et al. 2019): each byte has one printable character; those without one of their own come from U+0100 on. */
const byteOfCharacter = new Map<string, number>();
for (let byte = 0, next = 0x100; byte < 256; byte++) {
  const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
  byteOfCharacter.set(String.fromCodePoint(isPrintable ? byte : next++), byte);
}

function fromByteLevel(text: string): Uint8Array {
  const bytes = Array.from(text, (character) => byteOfCharacter.get(character));
  // A character outside the alphabet: a token that was added as plain text.
  return bytes.includes(undefined) ? encoder.encode(text) : Uint8Array.from(bytes as number[]);
}

/** `▁` is a space and `<0xE2>` a byte (Kudo and Richardson 2018). */
function fromSentencePiece(text: string, isByte: boolean): Uint8Array {
  const byte = isByte ? /^<0x([0-9A-F]{2})>$/.exec(text) : null;
  if (byte) return Uint8Array.of(Number.parseInt(byte[1]!, 16));
  return encoder.encode(text.replaceAll('\u2581', ' '));
}
