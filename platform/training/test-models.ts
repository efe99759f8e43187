/** For tests: a base model of two small random layers, whole on disk and known to a catalogue of its own. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openBaseModels, type BaseModels } from '#platform/models/base-models.ts';
import { writeManifest } from '#platform/models/model-manifest.ts';
import type { Versions } from '#platform/models/versions.ts';
import type { Db } from './rows.ts';

export const testModelId = 'tiny';
/** In tokens; every word and sign is one. */
export const testContextLength = 64;
/** What its rows are made of (`trainingRows`); any other word is unknown. */
const words = [
  '<unk>',
  '<|start|>',
  '<|end|>',
  'user',
  'assistant',
  'system',
  'What',
  'is',
  '?',
  '.',
  ...Array.from({ length: 50 }, (_, index) => String(index)),
];
const size = { hidden: 32, intermediate: 64, heads: 2, layers: 2 };

const entry = {
  id: testModelId,
  name: 'Tiny',
  architecture: 'llama',
  parameters: 1000,
  layers: size.layers,
  context_length: testContextLength,
  license: 'none',
  chat: true,
  source: { type: 'local', path: '/nowhere' },
  memory_gb: { lora: 1, qlora: 1, inference: 1 },
  target_modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj'],
};

/** Words and signs are tokens, all unknown words the same one. */
const tokenizer = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: words
    .slice(0, 3)
    .map((content, id) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true })),
  normalizer: null,
  pre_tokenizer: { type: 'Whitespace' },
  post_processor: null,
  decoder: null,
  model: { type: 'WordLevel', vocab: Object.fromEntries(words.map((word, id) => [word, id])), unk_token: '<unk>' },
};
const chatTemplate =
  "{% for message in messages %}{{ '<|start|>' + message['role'] + ' ' + message['content'] + '<|end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|start|>assistant ' }}{% endif %}";

const config = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: size.hidden,
  intermediate_size: size.intermediate,
  num_attention_heads: size.heads,
  num_key_value_heads: size.heads,
  num_hidden_layers: size.layers,
  max_position_embeddings: testContextLength,
  vocab_size: words.length,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: true,
  bos_token_id: 1,
  eos_token_id: 2,
  pad_token_id: 0,
  torch_dtype: 'float32',
};

/** Llama's tensors by the names that transformers gives them. */
function weightShapes(): Record<string, number[]> {
  const { hidden, intermediate } = size;
  const shapes: Record<string, number[]> = { 'model.embed_tokens.weight': [words.length, hidden], 'model.norm.weight': [hidden] };
  for (let layer = 0; layer < size.layers; layer++) {
    const at = (name: string): string => `model.layers.${layer}.${name}.weight`;
    for (const name of ['q_proj', 'k_proj', 'v_proj', 'o_proj']) shapes[at(`self_attn.${name}`)] = [hidden, hidden];
    for (const name of ['gate_proj', 'up_proj']) shapes[at(`mlp.${name}`)] = [intermediate, hidden];
    shapes[at('mlp.down_proj')] = [hidden, intermediate];
    for (const name of ['input_layernorm', 'post_attention_layernorm']) shapes[at(name)] = [hidden];
  }
  return shapes;
}

/** The safetensors format: length of the header, header, and the numbers; always the same ones. Norms are ones. */
function safetensors(shapes: Record<string, number[]>): Buffer {
  const header: Record<string, object> = {};
  const parts: Buffer[] = [];
  let offset = 0;
  let random = 1;
  for (const [name, shape] of Object.entries(shapes)) {
    const values = Float32Array.from({ length: shape.reduce((product, one) => product * one, 1) }, () => {
      // The minimal standard generator (Park and Miller 1988).
      random = (random * 48271) % 2147483647;
      return shape.length === 1 ? 1 : (random / 2147483647 - 0.5) * 0.2;
    });
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + values.byteLength] };
    offset += values.byteLength;
    parts.push(Buffer.from(values.buffer));
  }
  const head = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(head.length));
  return Buffer.concat([length, head, ...parts]);
}

export async function openTestModels(db: Db, dataDir: string): Promise<{ baseModels: BaseModels; versions: Versions }> {
  await placeTestModel(dataDir);
  const baseModels = openBaseModels({ data: dataDir, hub: 'http://127.0.0.1:1', hub_token: undefined, python: 'python' });
  return { baseModels, versions: { db, dataDir, baseModels } };
}

/** `<data>/models/tiny` and its entry in `<data>/catalog`; made again they are the same. */
export async function placeTestModel(dataDir: string): Promise<void> {
  mkdirSync(join(dataDir, 'catalog'), { recursive: true });
  writeFileSync(join(dataDir, 'catalog', 'tiny.yaml'), JSON.stringify(entry));
  const folder = join(dataDir, 'models', testModelId);
  mkdirSync(join(folder, 'model'), { recursive: true });
  const files = {
    'config.json': config,
    'tokenizer.json': tokenizer,
    'tokenizer_config.json': {
      tokenizer_class: 'PreTrainedTokenizerFast',
      unk_token: '<unk>',
      eos_token: '<|end|>',
      chat_template: chatTemplate,
    },
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, 'model', name), JSON.stringify(content));
  writeFileSync(join(folder, 'model', 'model.safetensors'), safetensors(weightShapes()));
  await writeManifest(folder, testModelId);
}
