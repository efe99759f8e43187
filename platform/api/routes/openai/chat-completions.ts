/** POST /v1/chat/completions. */
import { ChatCompletion } from '#contract/openai/chat-answers.ts';
import { ChatCompletionRequest } from '#contract/openai/chat-completions.ts';
import { admitChat } from '#platform/chat/admit-chat.ts';
import { versionName } from '#platform/chat/chat.ts';
import { completeChat } from '#platform/chat/complete-chat.ts';
import { streamChat } from '#platform/chat/stream-chat.ts';
import type { RouteGroup } from '../../api-server.ts';
import { clientSignal } from '../../client-signal.ts';
import { streamAnswer } from '../../stream-answer.ts';

const path = '/v1/chat/completions';

export const chatCompletionRoutes: RouteGroup = (server, { chat, closing }) => {
  const schema = {
    tags: ['inference'],
    summary: 'Answer a chat, whole or as a stream of events',
    body: ChatCompletionRequest,
    response: { 200: ChatCompletion },
  };
  server.post(path, { schema }, async (request, reply) => {
    const client = clientSignal(reply, closing);
    const admitted = await admitChat(chat, request.caller.projectId, request.body);
    const meter = chat.metrics.startRequest(path, admitted.version.id);
    void reply.header('x-tuneloop-version', versionName(admitted.version));
    if (!request.body.stream) return completeChat(admitted, meter, client.signal);
    await streamAnswer(request, reply, client, streamChat(admitted, meter, client.signal));
    return reply;
  });
};
