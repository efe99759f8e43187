/** POST /v1/completions. */
import { Completion, CompletionRequest } from '#contract/openai/completions.ts';
import { admitText } from '#platform/chat/admit-text.ts';
import { versionName } from '#platform/chat/chat.ts';
import { completeText } from '#platform/chat/complete-text.ts';
import { streamText } from '#platform/chat/stream-text.ts';
import type { RouteGroup } from '../../api-server.ts';
import { clientSignal } from '../../client-signal.ts';
import { streamAnswer } from '../../stream-answer.ts';

const path = '/v1/completions';

export const completionRoutes: RouteGroup = (server, { chat, closing }) => {
  const schema = {
    tags: ['inference'],
    summary: 'Go on with a text, or score it with "echo" and "logprobs"',
    body: CompletionRequest,
    response: { 200: Completion },
  };
  server.post(path, { schema }, async (request, reply) => {
    const client = clientSignal(reply, closing);
    const admitted = await admitText(chat, request.caller.projectId, request.body);
    const meter = chat.metrics.startRequest(path, admitted.version.id);
    void reply.header('x-tuneloop-version', versionName(admitted.version));
    if (!request.body.stream) return completeText(admitted, meter, client.signal);
    await streamAnswer(request, reply, client, streamText(admitted, meter, client.signal));
    return reply;
  });
};
