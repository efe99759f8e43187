/** Writes small LoRA adapters as GGUF files, for tests that need adapters which nobody trained. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';

export interface LoraShape {
  layers: number;
  rank: number;
  /** Inputs and outputs of the adapted layer. */
  inputs: number;
  outputs: number;
}

/** GGUF's numbers for value and tensor types (the format's specification, version 3). */
const valueType = { float32: 6, string: 8 } as const;
const tensorF32 = 0;
const alignment = 32;

/** Adapts `attn_output` of each layer; `strength` is the size of B's entries: 0 leaves the base as it is. Returns the file's SHA-256. */
export async function writeLora(file: string, shape: LoraShape, seed: number, strength: number): Promise<string> {
  const random = randomNumbers(seed);
  const tensors = Array.from({ length: shape.layers }, (_, layer) => [
    tensor(`blk.${layer}.attn_output.weight.lora_a`, [shape.inputs, shape.rank], () => random() / Math.sqrt(shape.inputs)),
    tensor(`blk.${layer}.attn_output.weight.lora_b`, [shape.rank, shape.outputs], () => random() * strength),
  ]).flat();
  const entries = [
    keyText('general.type', 'adapter'),
    keyText('general.architecture', 'llama'),
    keyText('adapter.type', 'lora'),
    Buffer.concat([text('adapter.lora.alpha'), u32(valueType.float32), f32(shape.rank)]),
  ];
  let offset = 0;
  const infos = tensors.map(({ name, dimensions, data }) => {
    const info = Buffer.concat([text(name), u32(dimensions.length), ...dimensions.map(u64), u32(tensorF32), u64(offset)]);
    offset += padded(data.length);
    return info;
  });
  const head = Buffer.concat([Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(entries.length), ...entries, ...infos]);
  const bytes = Buffer.concat([pad(head), ...tensors.map(({ data }) => pad(data))]);
  await writeFile(file, bytes);
  return createHash('sha256').update(bytes).digest('hex');
}

function tensor(name: string, dimensions: number[], next: () => number): { name: string; dimensions: number[]; data: Buffer } {
  const values = Float32Array.from({ length: dimensions[0]! * dimensions[1]! }, next);
  return { name, dimensions, data: Buffer.from(values.buffer) };
}

/** Uniform in −1…1 (mulberry32): the same numbers for the same seed. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}

function keyText(key: string, value: string): Buffer {
  return Buffer.concat([text(key), u32(valueType.string), text(value)]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function f32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function padded(length: number): number {
  return Math.ceil(length / alignment) * alignment;
}

function pad(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(padded(bytes.length) - bytes.length)]);
}
