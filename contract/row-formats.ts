/** The formats that rows come in, as the field writes them. Unknown keys are kept beside the row, whatever its format. */
import { z } from 'zod';
import { ChatTurn } from './dataset.ts';

/** What a row can teach: a chat, plain text, which of two answers is better, whether an answer is good, or nothing but a question. */
export const RowKind = z.enum(['chat', 'text', 'preference', 'unpaired', 'prompt']).meta({ id: 'RowKind' });
export type RowKind = z.infer<typeof RowKind>;

export const DataFormat = z
  .enum([
    'messages',
    'instruction',
    'sharegpt',
    'openassistant',
    'flan',
    'prompt_completion',
    'completion',
    'preference_openai',
    'preference_sharegpt',
    'preference',
    'unpaired',
    'prompts',
  ])
  .meta({ id: 'DataFormat' });
export type DataFormat = z.infer<typeof DataFormat>;

/** How rows are packed into a file. */
export const DataContainer = z.enum(['jsonl', 'json', 'csv', 'parquet']).meta({ id: 'DataContainer' });
export type DataContainer = z.infer<typeof DataContainer>;

const textOrTurns = z.union([z.string(), z.array(ChatTurn).min(1)]);
const tools = z.union([z.string(), z.array(z.looseObject({}))]).nullish();

/** Alpaca's: what to do, perhaps on what, and the answer. `history` holds earlier exchanges. */
export const InstructionRow = z
  .looseObject({
    instruction: z.string(),
    input: z.string().nullish().describe('What the instruction is about; may be empty.'),
    output: z.string(),
    system: z.string().nullish(),
    history: z.array(z.tuple([z.string(), z.string()])).nullish(),
  })
  .meta({ id: 'InstructionRow' });

const shareGptTurn = z.looseObject({
  from: z.string().describe('human, gpt, system, function_call, observation and the names other tools give them.'),
  value: z.string(),
});

/** ShareGPT's conversations. */
export const ShareGptRow = z
  .looseObject({ conversations: z.array(shareGptTurn).min(1), system: z.string().nullish(), tools })
  .meta({ id: 'ShareGptRow' });

/** One message of a tree, with the replies to it. */
export const OpenAssistantNode = z
  .looseObject({
    role: z.enum(['prompter', 'assistant', 'system']),
    text: z.string(),
    rank: z.number().nullish().describe('0 is the best of the replies beside it.'),
    get replies() {
      return z.array(OpenAssistantNode).nullish();
    },
  })
  .meta({ id: 'OpenAssistantNode' });

/** OpenAssistant's trees: a prompt, the replies to it, the replies to those. */
export const OpenAssistantRow = z
  .looseObject({ message_tree_id: z.string().optional(), prompt: OpenAssistantNode })
  .meta({ id: 'OpenAssistantRow' });

/** FLAN's. */
export const FlanRow = z.looseObject({ inputs: z.string(), targets: z.string() }).meta({ id: 'FlanRow' });

/** A question with its answer, as texts or as lists of messages. */
export const PromptCompletionRow = z.looseObject({ prompt: textOrTurns, completion: textOrTurns }).meta({ id: 'PromptCompletionRow' });

/** OpenAI's form of a preference. */
export const PreferenceOpenAiRow = z
  .looseObject({
    input: z.looseObject({ messages: z.array(ChatTurn).min(1), tools: z.array(z.looseObject({})).nullish() }),
    preferred_output: z.array(ChatTurn).min(1),
    non_preferred_output: z.array(ChatTurn).min(1),
  })
  .meta({ id: 'PreferenceOpenAiRow' });

/** ShareGPT's form of a preference: a conversation up to the answer, and two answers. */
export const PreferenceShareGptRow = z
  .looseObject({
    conversations: z.array(shareGptTurn).min(1),
    chosen: shareGptTurn,
    rejected: shareGptTurn,
    system: z.string().nullish(),
    tools,
  })
  .meta({ id: 'PreferenceShareGptRow' });

/** The flat form of a preference. Without a prompt both answers are whole chats that begin alike. */
export const PreferenceRow = z
  .looseObject({ prompt: textOrTurns.nullish(), chosen: textOrTurns, rejected: textOrTurns })
  .meta({ id: 'PreferenceRow' });

/** One answer and whether it is a good one, as KTO takes it. */
export const UnpairedRow = z.looseObject({ prompt: textOrTurns, completion: textOrTurns, label: z.boolean() }).meta({ id: 'UnpairedRow' });

/** A question alone. */
export const PromptsRow = z.looseObject({ prompt: textOrTurns }).meta({ id: 'PromptsRow' });
