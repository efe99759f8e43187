/** POST /v1/completions. */
import { Completion, CompletionRequest } from '#contract/openai/completions.ts';
import { admitText } from '#platform/chat/admit-text.ts';
import { completeText } from '#platform/chat/complete-text.ts';
import { streamText } from '#platform/chat/stream-text.ts';
import { answerAdmitted } from '../../answer-admitted.ts';
import type { RouteGroup } from '../../api-server.ts';

const endpoint = '/v1/completions';

export const completionRoutes: RouteGroup = (server, rooms) => {
  const schema = {
    tags: ['inference'],
    summary: 'Go on with a text, or score it with "echo" and "logprobs"',
    body: CompletionRequest,
    response: { 200: Completion },
  };
  server.post(endpoint, { schema }, (request, reply) =>
    answerAdmitted(rooms, request, reply, {
      endpoint,
      streams: request.body.stream ?? false,
      admit: admitText,
      complete: completeText,
      stream: streamText,
    }),
  );
};
