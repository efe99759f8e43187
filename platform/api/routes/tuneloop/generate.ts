/** POST /generate and /generate/stream: one prompt in, text out. Completions with fewer words. */
import { GenerateAnswer, GenerateRequest, GenerateStreamPart } from '#contract/generate-text.ts';
import type { Completion, CompletionChunk } from '#contract/openai/completions.ts';
import { admitGenerate } from '#platform/chat/admit-generate.ts';
import { completeText } from '#platform/chat/complete-text.ts';
import { streamText } from '#platform/chat/stream-text.ts';
import { answerAdmitted } from '../../answer-admitted.ts';
import type { RouteGroup } from '../../api-server.ts';

const tags = ['inference'];

export const generateRoutes: RouteGroup = (server, rooms) => {
  const whole = { tags, summary: 'Go on with a prompt', body: GenerateRequest, response: { 200: GenerateAnswer } };
  const streamed = {
    tags,
    summary: 'Go on with a prompt, as a stream of events',
    body: GenerateRequest,
    response: { 200: { description: 'A stream that ends with [DONE]', content: { 'text/event-stream': { schema: GenerateStreamPart } } } },
  };
  for (const prefix of ['', '/v1']) {
    server.post(`${prefix}/generate`, { schema: { ...whole, hide: prefix !== '' } }, (request, reply) =>
      answerAdmitted(rooms, request, reply, {
        endpoint: '/generate',
        streams: false,
        admit: admitGenerate,
        complete: async (...admitted) => plainAnswer(await completeText(...admitted), request.id),
        stream: streamText,
      }),
    );
    server.post(`${prefix}/generate/stream`, { schema: { ...streamed, hide: prefix !== '' } }, async (request, reply) => {
      await answerAdmitted(rooms, { caller: request.caller, body: request.body as GenerateRequest }, reply, {
        endpoint: '/generate/stream',
        streams: true,
        admit: admitGenerate,
        complete: completeText,
        stream: (...admitted) => textParts(streamText(...admitted)),
      });
      return reply;
    });
  }
};

function plainAnswer({ choices, usage, model }: Completion, requestId: string): GenerateAnswer {
  const { text, finish_reason } = choices[0]!;
  const reason = finish_reason === 'length' ? 'length' : 'stop';
  return { text, tokens: usage.completion_tokens, finish_reason: reason, model, usage, request_id: requestId };
}

async function* textParts(chunks: AsyncGenerator<CompletionChunk, void>): AsyncGenerator<GenerateStreamPart, void> {
  for await (const { choices } of chunks) if (choices[0]?.text) yield { text: choices[0].text };
}
