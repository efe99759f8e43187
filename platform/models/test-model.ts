/** A tiny random Llama in the form of the hub, for tests: 2 layers, 293 words, 450 kB. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeManifest } from './model-manifest.ts';

const [hidden, inner, heads, keyHeads, words] = [64, 128, 4, 2, 293];

const config = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: hidden,
  intermediate_size: inner,
  num_hidden_layers: 2,
  num_attention_heads: heads,
  num_key_value_heads: keyHeads,
  vocab_size: words,
  max_position_embeddings: 256,
  hidden_act: 'silu',
  rms_norm_eps: 1e-6,
  rope_theta: 10_000,
  bos_token_id: 1,
  eos_token_id: 2,
  tie_word_embeddings: false,
  dtype: 'float32',
};

const chatTemplate =
  "{% for m in messages %}{{ m.role }}: {{ m.content }}{% if m.role == 'assistant' %}{{ eos_token }}{% endif %}\n{% endfor %}" +
  '{% if add_generation_prompt %}assistant: {% endif %}';

/** Name → content of every file. The same weights each time. */
export function tinyModel(): Record<string, Buffer> {
  const json = (value: unknown) => Buffer.from(JSON.stringify(value, null, 2));
  return {
    'config.json': json(config),
    'tokenizer.json': json(tokenizer()),
    'tokenizer_config.json': json({ tokenizer_class: 'PreTrainedTokenizerFast', bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' }),
    'chat_template.jinja': Buffer.from(chatTemplate),
    'model.safetensors': safetensors(),
  };
}

/** The same with bytes as words, as GPT-2 writes them; its likeliest words are letters and signs of ASCII. */
export function byteLevelModel(): Record<string, Buffer> {
  const special = ['<unk>', '<s>', '</s>'];
  const alphabet = byteAlphabet();
  const letters = Array.from('etaoinshrdlu');
  const pairs = letters.flatMap((first) => letters.map((second) => first + second)).slice(0, words - special.length - alphabet.length);
  const added = special.map((content, id) => ({
    content,
    id,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  }));
  const pieces = [...special, ...alphabet, ...pairs];
  const files = tinyModel();
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    ...files,
    'tokenizer.json': Buffer.from(
      JSON.stringify({
        version: '1.0',
        added_tokens: added,
        normalizer: null,
        pre_tokenizer: byteLevel,
        post_processor: null,
        decoder: byteLevel,
        model: {
          type: 'BPE',
          vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
          merges: pairs.map((pair) => Array.from(pair)),
        },
      }),
    ),
    'model.safetensors': withoutRows(files['model.safetensors']!, 'lm_head.weight', (word) => {
      const piece = pieces[word]!;
      return special.includes(piece) || !/^[!-~]+$/.test(piece);
    }),
  };
}

/** GPT-2's alphabet: each byte has one printable character; those without one of their own come from U+0100 on. */
function byteAlphabet(): string[] {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
    return String.fromCodePoint(isPrintable ? byte : next++);
  });
}

/** The file with zeros in some rows of a matrix that is `hidden` wide: such words are never the likeliest. */
function withoutRows(file: Buffer, matrix: string, isGone: (row: number) => boolean): Buffer {
  const changed = Buffer.from(file);
  const headerBytes = Number(changed.readBigUInt64LE());
  const header = JSON.parse(changed.toString('utf8', 8, 8 + headerBytes)) as Record<string, { data_offsets: [number, number] }>;
  const start = 8 + headerBytes + header[matrix]!.data_offsets[0];
  for (let row = 0; row < words; row++) if (isGone(row)) changed.fill(0, start + row * hidden * 4, start + (row + 1) * hidden * 4);
  return changed;
}

export function writeFiles(folder: string, files: Record<string, Buffer>): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
}

/** A model folder as a pull leaves it, for tests that need one to be there and load nothing of it. Returns its hash. */
export async function installTinyModel(folder: string, id: string): Promise<string> {
  writeFiles(join(folder, 'model'), tinyModel());
  writeFileSync(join(folder, 'base.gguf'), 'GGUF');
  return (await writeManifest(folder, id)).base_sha256;
}

/** Bytes as words of the last resort, some letters, and three merges: the kind of tokenizer that Llama 2 has. */
function tokenizer(): object {
  const special = ['<unk>', '<s>', '</s>'];
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
  const pieces = [...special, ...bytes, ...Array.from('▁abcdefghijklmnopqrstuvwxyz.,!?'), '▁t', 'he', '▁the'];
  const added = special.map((content, id) => ({
    id,
    content,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  }));
  const space = { type: 'Replace', pattern: { String: ' ' }, content: '▁' };
  return {
    version: '1.0',
    added_tokens: added,
    normalizer: { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, space] },
    pre_tokenizer: null,
    post_processor: null,
    decoder: {
      type: 'Sequence',
      decoders: [{ type: 'Replace', pattern: { String: '▁' }, content: ' ' }, { type: 'ByteFallback' }, { type: 'Fuse' }],
    },
    model: {
      type: 'BPE',
      unk_token: '<unk>',
      fuse_unk: true,
      byte_fallback: true,
      ignore_merges: false,
      vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
      merges: [
        ['▁', 't'],
        ['h', 'e'],
        ['▁t', 'he'],
      ],
    },
  };
}

/** The format: length of the header (u64, little endian), the header as JSON, the tensors one after the other. */
function safetensors(): Buffer {
  const size = hidden / heads;
  const layer = (index: number): [string, number[]][] => [
    [`model.layers.${index}.self_attn.q_proj.weight`, [hidden, hidden]],
    [`model.layers.${index}.self_attn.k_proj.weight`, [keyHeads * size, hidden]],
    [`model.layers.${index}.self_attn.v_proj.weight`, [keyHeads * size, hidden]],
    [`model.layers.${index}.self_attn.o_proj.weight`, [hidden, hidden]],
    [`model.layers.${index}.mlp.gate_proj.weight`, [inner, hidden]],
    [`model.layers.${index}.mlp.up_proj.weight`, [inner, hidden]],
    [`model.layers.${index}.mlp.down_proj.weight`, [hidden, inner]],
    [`model.layers.${index}.input_layernorm.weight`, [hidden]],
    [`model.layers.${index}.post_attention_layernorm.weight`, [hidden]],
  ];
  const ends: [string, number[]][] = [
    ['model.embed_tokens.weight', [words, hidden]],
    ['lm_head.weight', [words, hidden]],
    ['model.norm.weight', [hidden]],
  ];
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  const parts: Buffer[] = [];
  let offset = 0;
  for (const [name, shape] of [...layer(0), ...layer(1), ...ends]) {
    const part = randomFloats(
      name,
      shape.reduce((product, length) => product * length, 1),
    );
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, (offset += part.length)] };
    parts.push(part);
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...parts]);
}

/** −0.05…0.05, from the hash of the tensor's name. */
function randomFloats(name: string, count: number): Buffer {
  let state = createHash('sha256').update(name).digest().readUInt32LE();
  const values = Float32Array.from({ length: count }, () => {
    // Numerical Recipes' linear congruential generator.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state / 2 ** 32 - 0.5) / 10;
  });
  return Buffer.from(values.buffer);
}
