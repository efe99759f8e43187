/** The tools of a chat request as an engine is offered them, today's form and the deprecated one. */
import type { ChatCompletionRequest } from '#contract/openai/chat-completions.ts';

/** Tools the model may call now, in OpenAI's shape; none when the caller forbids it. */
export function offeredTools(request: ChatCompletionRequest): unknown[] {
  if (isLegacy(request)) return offeredFunctions(request);
  const tools = request.tools ?? [];
  const choice = request.tool_choice ?? 'auto';
  if (choice === 'none') return [];
  if (typeof choice === 'string') return tools;
  if (choice.type === 'function') return tools.filter((tool) => tool.type === 'function' && tool.function.name === choice.function.name);
  if (choice.type !== 'allowed_tools') return tools;
  const allowed = new Set(choice.allowed_tools.tools.map(nameOf));
  return tools.filter((tool) => allowed.has(nameOf(tool)));
}

/** Whether the caller speaks the deprecated form: then the answer does too. */
export function isLegacy(request: ChatCompletionRequest): boolean {
  return !request.tools?.length && Boolean(request.functions?.length);
}

function offeredFunctions(request: ChatCompletionRequest): unknown[] {
  const choice = request.function_call ?? 'auto';
  if (choice === 'none') return [];
  const functions = request.functions ?? [];
  const chosen = typeof choice === 'string' ? functions : functions.filter((definition) => definition.name === choice.name);
  return chosen.map((definition) => ({ type: 'function', function: definition }));
}

function nameOf(tool: Record<string, unknown>): unknown {
  const definition = tool['function'];
  return typeof definition === 'object' && definition !== null && 'name' in definition ? definition.name : tool['name'];
}
