/** POST /generate and /generate/stream: one prompt in, text out. Completions with fewer words. */
import { GenerateAnswer, GenerateRequest, GenerateStreamPart } from '#contract/generate-text.ts';
import type { CompletionChunk } from '#contract/openai/completions.ts';
import { admitGenerate } from '#platform/chat/admit-generate.ts';
import { versionName } from '#platform/chat/chat.ts';
import { completeText } from '#platform/chat/complete-text.ts';
import { streamText } from '#platform/chat/stream-text.ts';
import type { RouteGroup } from '../../api-server.ts';
import { clientSignal } from '../../client-signal.ts';
import { streamAnswer } from '../../stream-answer.ts';

const tags = ['inference'];

export const generateRoutes: RouteGroup = (server, { chat, closing }) => {
  const whole = { tags, summary: 'Go on with a prompt', body: GenerateRequest, response: { 200: GenerateAnswer } };
  const streamed = {
    tags,
    summary: 'Go on with a prompt, as a stream of events',
    body: GenerateRequest,
    response: { 200: { description: 'A stream that ends with [DONE]', content: { 'text/event-stream': { schema: GenerateStreamPart } } } },
  };
  for (const prefix of ['', '/v1']) {
    server.post(`${prefix}/generate`, { schema: { ...whole, hide: prefix !== '' } }, async (request, reply): Promise<GenerateAnswer> => {
      const client = clientSignal(reply, closing);
      const admitted = await admitGenerate(chat, request.caller.projectId, request.body as GenerateRequest);
      const meter = chat.metrics.startRequest('/generate', admitted.version.id);
      void reply.header('x-tuneloop-version', versionName(admitted.version));
      const { choices, usage, model } = await completeText(admitted, meter, client.signal);
      const { text, finish_reason } = choices[0]!;
      const reason = finish_reason === 'length' ? 'length' : 'stop';
      return { text, tokens: usage.completion_tokens, finish_reason: reason, model, usage, request_id: request.id };
    });

    server.post(`${prefix}/generate/stream`, { schema: { ...streamed, hide: prefix !== '' } }, async (request, reply) => {
      const client = clientSignal(reply, closing);
      const admitted = await admitGenerate(chat, request.caller.projectId, request.body as GenerateRequest);
      const meter = chat.metrics.startRequest('/generate/stream', admitted.version.id);
      void reply.header('x-tuneloop-version', versionName(admitted.version));
      await streamAnswer(request, reply, client, textParts(streamText(admitted, meter, client.signal)));
      return reply;
    });
  }
};

async function* textParts(chunks: AsyncGenerator<CompletionChunk, void>): AsyncGenerator<GenerateStreamPart, void> {
  for await (const { choices } of chunks) if (choices[0]?.text) yield { text: choices[0].text };
}
