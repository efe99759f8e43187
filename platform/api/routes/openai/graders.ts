/** /v1/fine_tuning/alpha/graders: is a grader well-formed, and what does it say of an answer. */
import { ChatCompletionRequest } from '#contract/openai/chat-completions.ts';
import { GraderRun, GraderRunRequest, GraderValidateRequest, GraderValidation } from '#contract/openai/graders.ts';
import { admitChat } from '#platform/chat/admit-chat.ts';
import { completeChat } from '#platform/chat/complete-chat.ts';
import { pythonGraders, requirePythonGraders } from '#platform/core/grader-sandbox.ts';
import { runGrader, type AskJudge } from '#platform/evaluation/graders/run-grader.ts';
import type { RouteGroup } from '../../api-server.ts';
import { clientSignal } from '../../client-signal.ts';

const tags = ['fine-tuning'];

export const graderRoutes: RouteGroup = (server, { chat, closing, config: { grader_sandbox: sandbox } }) => {
  const validate = { tags, summary: 'Check a grader', body: GraderValidateRequest, response: { 200: GraderValidation } };
  server.post('/v1/fine_tuning/alpha/graders/validate', { schema: validate }, async (request) => {
    const { grader } = request.body;
    await requirePythonGraders(sandbox, pythonGraders(grader, 'grader'));
    return { grader };
  });

  const run = { tags, summary: 'Grade one answer', body: GraderRunRequest, response: { 200: GraderRun } };
  server.post('/v1/fine_tuning/alpha/graders/run', { schema: run }, async (request, reply) => {
    const { signal } = clientSignal(reply, closing);
    const ask: AskJudge = async (asked) => {
      const admitted = await admitChat(chat, request.caller.projectId, ChatCompletionRequest.parse(asked));
      const meter = chat.metrics.startRequest('/v1/fine_tuning/alpha/graders/run', admitted.version.id);
      const { choices, usage } = await completeChat(admitted, meter, signal);
      return { text: choices[0]!.message.content ?? '', tokens: usage.total_tokens };
    };
    const { grader, model_sample: sample, item } = request.body;
    await requirePythonGraders(sandbox, pythonGraders(grader, 'grader'));
    return runGrader(grader, sample, item, { ask, sandbox });
  });
};
