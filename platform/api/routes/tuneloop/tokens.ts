/** POST /tokenize and /detokenize: text to the token ids of a model and back, as evaluation harnesses ask for them. */
import { ChatMessage } from '#contract/openai/chat-messages.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { ResolvedVersion } from '#platform/chat/chat.ts';
import { checkTokenIds } from '#platform/chat/prompt-limits.ts';
import { resolveVersion } from '#platform/chat/resolve-version.ts';
import { renderChat } from '#platform/inference/render-chat.ts';
import { z } from 'zod';
import type { RouteGroup } from '../../api-server.ts';

const tags = ['inference'];

const TokenizeRequest = z.looseObject({
  model: z.string().min(1),
  prompt: z.string().optional(),
  messages: z.array(ChatMessage).min(1).optional().describe('Instead of a prompt: rendered by the chat template of the model.'),
});
const TokenizeAnswer = z.object({ tokens: z.array(z.int()), count: z.int(), max_model_len: z.int() });
const DetokenizeRequest = z.looseObject({ model: z.string().min(1), tokens: z.array(z.int().min(0)) });
const DetokenizeAnswer = z.object({ prompt: z.string() });

export const tokenRoutes: RouteGroup = (server, { chat }) => {
  const tokenize = { tags, summary: 'Text or messages to token ids', body: TokenizeRequest, response: { 200: TokenizeAnswer } };
  server.post('/tokenize', { schema: tokenize }, async (request) => {
    const { model, prompt, messages } = request.body;
    if ((prompt === undefined) === (messages === undefined)) {
      throw new PlatformError('invalid_request', 'Give either "prompt" or "messages".', { param: 'prompt' });
    }
    const resolved = withTokenizer(await resolveVersion(chat, request.caller.projectId, model));
    const text = messages ? await renderChat(resolved.modelDir, messages, [], resolved.template) : prompt!;
    const tokens = await resolved.engine.tokenize(resolved.version, text, messages ? 'rendered' : true);
    return { tokens, count: tokens.length, max_model_len: resolved.contextLength };
  });

  const detokenize = { tags, summary: 'Token ids to text', body: DetokenizeRequest, response: { 200: DetokenizeAnswer } };
  server.post('/detokenize', { schema: detokenize }, async (request) => {
    const resolved = withTokenizer(await resolveVersion(chat, request.caller.projectId, request.body.model));
    checkTokenIds(resolved, request.body.tokens, 'tokens');
    return { prompt: await resolved.engine.detokenize(resolved.version, request.body.tokens) };
  });
};

/** Another server keeps its tokenizer to itself. */
function withTokenizer(resolved: ResolvedVersion): ResolvedVersion {
  if (!resolved.engine.supports.chats) return resolved;
  const message = `model: "${resolved.version.id}" is another server's; its tokens are not known here.`;
  throw new PlatformError('unsupported_value', message, { param: 'model' });
}
