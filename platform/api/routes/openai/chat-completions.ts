/** POST /v1/chat/completions. */
import { ChatCompletion } from '#contract/openai/chat-answers.ts';
import { ChatCompletionRequest } from '#contract/openai/chat-completions.ts';
import { admitChat } from '#platform/chat/admit-chat.ts';
import { completeChat } from '#platform/chat/complete-chat.ts';
import { streamChat } from '#platform/chat/stream-chat.ts';
import { answerAdmitted } from '../../answer-admitted.ts';
import type { RouteGroup } from '../../api-server.ts';

const endpoint = '/v1/chat/completions';

export const chatCompletionRoutes: RouteGroup = (server, rooms) => {
  const schema = {
    tags: ['inference'],
    summary: 'Answer a chat, whole or as a stream of events',
    body: ChatCompletionRequest,
    response: { 200: ChatCompletion },
  };
  server.post(endpoint, { schema }, (request, reply) =>
    answerAdmitted(rooms, request, reply, {
      endpoint,
      streams: request.body.stream ?? false,
      admit: admitChat,
      complete: completeChat,
      stream: streamChat,
    }),
  );
};
