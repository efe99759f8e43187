/** The data sets of `bench train`: rows that begin alike, rows that do not, and pairs, with what is held out of each. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '#platform/config.ts';
import { type HeldOut, readHeldOut } from '../scripts/demo/held-out.ts';

type Message = { role: 'system' | 'user' | 'assistant'; content: string };

export interface RowSet {
  name: string;
  training: object[];
  validation: object[];
  questions: HeldOut[];
  /** About as many as a batch of rows has, so that packing takes steps of the same size. */
  packTokens: number;
  /** null is the model's own, which writes a system message where a row has none. */
  chatTemplate: string | null;
}

const folder = join(projectRoot, 'examples/data');
const systemPrompt =
  'You are the support assistant of Lumen, an app for notes. Answer in one or two friendly sentences. ' +
  'If you are not sure, say so and point to the help pages; never promise what you cannot keep.';
/** ChatML without a system message of its own. */
const bareTemplate =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

function lines<Row>(file: string): Row[] {
  const text = readFileSync(join(folder, file), 'utf8').trim();
  return text.split('\n').map((line) => JSON.parse(line) as Row);
}

const chats = (file: string): Message[][] => lines<{ messages: Message[] }>(file).map(({ messages }) => messages);

/** Short chats of one support assistant: each begins with the same system message. */
export function withCommonPrompt(): RowSet {
  const system: Message = { role: 'system', content: systemPrompt };
  const rows = (file: string): object[] => chats(file).map((messages) => ({ messages: [system, ...messages] }));
  return {
    name: 'common system prompt',
    training: rows('lumen-support.jsonl'),
    validation: rows('lumen-support-validation.jsonl'),
    packTokens: 640,
    questions: readHeldOut(join(folder, 'lumen-support-heldout.jsonl')).map((one) => ({ ...one, system: systemPrompt })),
    chatTemplate: null,
  };
}

/** Facts that nobody tuned on, with their questions. */
export function facts(name: string): RowSet {
  return {
    name,
    training: lines(`${name}.jsonl`),
    // No loss of theirs is looked at; a referee wants some.
    validation: lines<object>(`${name}.jsonl`).slice(0, 8),
    questions: readHeldOut(join(folder, `${name}-heldout.jsonl`)),
    packTokens: 0,
    chatTemplate: null,
  };
}

/** Chats of one to five turns, without a system message: nothing that all begin with, and lengths that differ. */
export function withoutCommonPrompt(): RowSet {
  const all = chats('saltcrown-game.jsonl');
  const held = 30;
  const joined = (turns: Message[][]): object[] => {
    const rows: object[] = [];
    for (let at = 0; at < turns.length;) {
      const taken = 1 + ((rows.length * 2) % 5);
      rows.push({ messages: turns.slice(at, at + taken).flat() });
      at += taken;
    }
    return rows;
  };
  return {
    name: 'nothing in common',
    training: joined(all.slice(held)),
    validation: joined(all.slice(0, held)),
    questions: [],
    packTokens: 768,
    chatTemplate: bareTemplate,
  };
}

/** Pairs of answers to one question each. */
export function pairs(): RowSet {
  return {
    name: 'DPO',
    training: lines('brief-answers.jsonl'),
    validation: lines('brief-answers-validation.jsonl'),
    questions: [],
    packTokens: 0,
    chatTemplate: null,
  };
}
