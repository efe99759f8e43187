/** A model's chat template and special tokens, from the files beside its tokenizer. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PlatformError } from '#platform/core/errors.ts';
import { instructionTemplate } from '#platform/core/instruction-template.ts';
import { parseTemplate, TemplateFailure, type ParsedTemplate } from '#platform/core/render-template.ts';
import { specialTokens } from '#platform/core/special-tokens.ts';

interface TemplateChoice {
  parsed: ParsedTemplate;
  /** Whether it mentions tools at all. */
  readsTools: boolean;
}

export interface ChatTemplate {
  template: TemplateChoice;
  /** Some models bring another one for requests with tools. */
  toolTemplate: TemplateChoice | null;
  /** `bos_token`, `eos_token`, … as templates name them. */
  specialTokens: Record<string, string>;
}

/** So long, files that were replaced may not yet be seen. */
const freshMs = 1000;
const known = new Map<string, { chat: Promise<ChatTemplate>; untilMs: number }>();
const mostKnown = 100;

/** `template` "instruction" is ours, whatever the model brings. Throws `model_refused` when the template cannot be read, `artifact_corrupt` when a file beside it is broken. */
export function readChatTemplate(modelDir: string, template: 'model' | 'instruction' = 'model'): Promise<ChatTemplate> {
  const key = `${template} ${modelDir}`;
  const found = known.get(key);
  const nowMs = performance.now();
  if (found && nowMs < found.untilMs) return found.chat;
  if (known.size >= mostKnown) known.clear();
  const chat = modelDir === '' ? Promise.resolve(plainChat({})) : read(modelDir, template);
  known.set(key, { chat, untilMs: nowMs + freshMs });
  chat.catch(() => known.delete(key));
  return chat;
}

async function read(modelDir: string, template: 'model' | 'instruction'): Promise<ChatTemplate> {
  const config = await readConfig(join(modelDir, 'tokenizer_config.json'));
  const tokens = specialTokens(config);
  if (template === 'instruction') return plainChat(tokens);
  const named = namedTemplates(config['chat_template']);
  const source = (await readIfThere(join(modelDir, 'chat_template.jinja'))) ?? named.get('default');
  if (source === undefined) return plainChat(tokens);
  const toolSource = named.get('tool_use');
  return {
    template: choice(source, modelDir),
    toolTemplate: toolSource === undefined ? null : choice(toolSource, modelDir),
    specialTokens: tokens,
  };
}

function plainChat(tokens: Record<string, string>): ChatTemplate {
  return { template: choice(instructionTemplate, ''), toolTemplate: null, specialTokens: tokens };
}

function choice(source: string, modelDir: string): TemplateChoice {
  try {
    return { parsed: parseTemplate(source), readsTools: /\btools\b/.test(source) };
  } catch (cause) {
    if (!(cause instanceof TemplateFailure)) throw cause;
    throw new PlatformError('model_refused', `the chat template in ${modelDir} cannot be used: ${cause.message}`, { cause });
  }
}

/** One template, or a list of named ones. */
function namedTemplates(value: unknown): Map<string, string> {
  if (typeof value === 'string') return new Map([['default', value]]);
  const entries = Array.isArray(value) ? (value as { name?: unknown; template?: unknown }[]) : [];
  return new Map(entries.map(({ name, template }) => [String(name), String(template)]));
}

async function readConfig(file: string): Promise<Record<string, unknown>> {
  const text = await readIfThere(file);
  try {
    return JSON.parse(text ?? '{}') as Record<string, unknown>;
  } catch (cause) {
    throw new PlatformError('artifact_corrupt', `${file} is not JSON; pull the model again`, { cause });
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
