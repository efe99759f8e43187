/** OpenAI's chat completion request. What is honoured is checked; unknown keys are accepted; what is not served is refused by name. */
import { z } from 'zod';
import { ChatMessage } from './chat-messages.ts';
import { orDefault } from './common.ts';
import { unsupported, unsupportedValue } from './request-problem.ts';
import { ignoredFields, refuseLoneStreamOptions, samplingFields } from './sampling.ts';

const notServed = (): boolean => false;
const toolName = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, { error: 'takes 1 to 64 letters, digits, "_" or "-"' });
const functionDefinition = z.looseObject({
  name: toolName,
  description: z.string().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish().describe('JSON Schema of the arguments.'),
  strict: z.boolean().nullish(),
});

export const ChatTool = z
  .discriminatedUnion('type', [
    z.looseObject({ type: z.literal('function'), function: functionDefinition }),
    z.looseObject({ type: z.literal('custom') }).refine(notServed, unsupportedValue('custom tools are not served')),
  ])
  .meta({ id: 'ChatToolRequest' });

const toolChoice = z.union([
  z.enum(['none', 'auto', 'required']),
  z.discriminatedUnion('type', [
    z.looseObject({ type: z.literal('function'), function: z.looseObject({ name: z.string() }) }),
    z.looseObject({
      type: z.literal('allowed_tools'),
      allowed_tools: z.looseObject({ mode: z.enum(['auto', 'required']), tools: z.array(z.record(z.string(), z.unknown())) }),
    }),
    z.looseObject({ type: z.literal('custom') }).refine(notServed, unsupportedValue('custom tools are not served')),
  ]),
]);

export const ResponseFormat = z
  .discriminatedUnion('type', [
    z.looseObject({ type: z.literal('text') }),
    z.looseObject({ type: z.literal('json_object') }),
    z.looseObject({
      type: z.literal('json_schema'),
      json_schema: z.looseObject({
        name: toolName,
        description: z.string().nullish(),
        schema: z.record(z.string(), z.unknown()).optional(),
        strict: z.boolean().nullish(),
      }),
    }),
  ])
  .meta({ id: 'ResponseFormatRequest' });

export const ChatCompletionRequest = z
  .looseObject({
    ...samplingFields,
    ...ignoredFields,
    messages: z.array(ChatMessage).min(1),
    max_completion_tokens: z.int().min(1).nullish().describe('Most tokens of an answer; wins over max_tokens.'),
    max_tokens: z.int().min(1).nullish().describe('Deprecated name of max_completion_tokens.'),
    logprobs: orDefault(z.boolean(), false),
    top_logprobs: z.int().min(0).max(20).nullish().describe('Likeliest tokens told at each place; needs logprobs.'),
    response_format: ResponseFormat.nullish(),
    tools: z.array(ChatTool).max(128).nullish(),
    tool_choice: toolChoice.nullish(),
    parallel_tool_calls: orDefault(z.boolean(), true),
    functions: z.array(functionDefinition).max(128).nullish().describe('Deprecated form of tools.'),
    function_call: z
      .union([z.enum(['none', 'auto']), z.looseObject({ name: z.string() })])
      .nullish()
      .describe('Deprecated form of tool_choice.'),
    modalities: z
      .array(z.enum(['text', 'audio']).refine((modality) => modality === 'text', unsupportedValue('audio is not served')))
      .nullish(),
    audio: unsupported('audio is not served'),
    prediction: unsupported('predicted output is not served'),
    web_search_options: unsupported('web search is not served'),
    moderation: z
      .looseObject({ policy: z.unknown().optional() })
      .refine(({ policy }) => !blocks(policy), { ...unsupportedValue('a policy that blocks is not served'), path: ['policy'] })
      .nullish(),
  })
  .superRefine(refuseLoneStreamOptions)
  .superRefine((request, context) => {
    if (typeof request.top_logprobs === 'number' && !request.logprobs) {
      context.addIssue({ code: 'custom', path: ['top_logprobs'], message: 'is only allowed when "logprobs" is true' });
    }
    const problem = toolChoiceProblem(request);
    if (problem !== null) context.addIssue({ code: 'custom', path: ['tool_choice'], message: problem });
  })
  .meta({ id: 'ChatCompletionRequest' });
export type ChatCompletionRequest = z.output<typeof ChatCompletionRequest>;

function blocks(policy: unknown): boolean {
  const sides: unknown[] = typeof policy === 'object' && policy !== null ? Object.values(policy) : [];
  return sides.some((side) => typeof side === 'object' && side !== null && 'mode' in side && side.mode === 'block');
}

/** Why a choice does not go with the tools that are offered; null when it does. */
function toolChoiceProblem(request: {
  tools?: z.output<typeof ChatTool>[] | null;
  tool_choice?: z.output<typeof toolChoice> | null;
}): string | null {
  const choice = request.tool_choice ?? 'auto';
  if (choice === 'none' || choice === 'auto') return null;
  const offered = (request.tools ?? []).flatMap((tool) => (tool.type === 'function' ? [tool.function.name] : []));
  if (offered.length === 0) return 'is only allowed when "tools" are given';
  if (choice === 'required' || choice.type !== 'function' || offered.includes(choice.function.name)) return null;
  return `names "${choice.function.name}", which is not among "tools"`;
}
