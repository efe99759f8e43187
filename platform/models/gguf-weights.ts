/** How the weights of a GGUF file are stored, as its header says: F32, F16, Q4_1 … */
import { open } from 'node:fs/promises';

/** `general.file_type` of llama.cpp (enum llama_ftype): what most of the tensors are. */
const fileTypes: Record<number, string> = {
  0: 'F32',
  1: 'F16',
  2: 'Q4_0',
  3: 'Q4_1',
  7: 'Q8_0',
  8: 'Q5_0',
  9: 'Q5_1',
  10: 'Q2_K',
  11: 'Q3_K_S',
  12: 'Q3_K_M',
  13: 'Q3_K_L',
  14: 'Q4_K_S',
  15: 'Q4_K_M',
  16: 'Q5_K_S',
  17: 'Q5_K_M',
  18: 'Q6_K',
  32: 'BF16',
};
const exactTypes = new Set(['F32', 'F16', 'BF16']);
/** The key stands before the vocabulary in every file that a converter has written. */
const headBytes = 1 << 16;
/** Value types of the format's specification: bytes of the fixed ones. */
const valueBytes: Record<number, number> = { 0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8 };
const [uint32, text, array] = [4, 8, 9];

export interface GgufWeights {
  /** `type 99` for one that is not known here, `unknown` when the file does not say. */
  name: string;
  isQuantised: boolean;
}

export async function ggufWeights(path: string): Promise<GgufWeights> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    const type = readFileType(buffer.subarray(0, bytesRead));
    const name = type === null ? 'unknown' : (fileTypes[type] ?? `type ${type}`);
    return { name, isQuantised: !exactTypes.has(name) };
  } finally {
    await file.close();
  }
}

/** Null when the key is not in this part of the file. */
function readFileType(head: Buffer): number | null {
  try {
    let at = 24;
    const count = Number(head.readBigUInt64LE(16));
    const length = (): number => Number(head.readBigUInt64LE((at += 8) - 8));
    for (let index = 0; index < count; index++) {
      const size = length();
      const key = head.toString('utf8', at, at + size);
      const type = head.readUInt32LE(at + size);
      at += size + 4;
      if (key === 'general.file_type' && type === uint32) return head.readUInt32LE(at);
      if (type === text) {
        const bytes = length();
        at += bytes;
      } else if (type === array) at = afterArray(head, at);
      else at += valueBytes[type]!;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return null;
}

function afterArray(head: Buffer, start: number): number {
  const type = head.readUInt32LE(start);
  const count = Number(head.readBigUInt64LE(start + 4));
  let at = start + 12;
  if (type !== text) return at + count * valueBytes[type]!;
  for (let index = 0; index < count; index++) at += 8 + Number(head.readBigUInt64LE(at));
  return at;
}
