/** What a grader says of one answer, in OpenAI's form: a reward, or the flag that says why there is none. */
import {
  gradersOf,
  type GraderErrors,
  type GraderRequest,
  type GraderRun,
  type ScoreModelGrader,
  type SingleGrader,
} from '#contract/openai/graders.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { evaluateFormula, FormulaProblem } from '#platform/core/formula.ts';
import { fillTemplate, gradedSample, type Graded } from './fill-template.ts';
import { GraderFailure } from './grader-failure.ts';
import { gradeInSandbox } from './python-grader.ts';
import { fuzzyMatch, rouge, rougeL } from './text-similarity.ts';

/** A chat request of few words. */
interface Question {
  model: string;
  messages: { role: string; content: string }[];
  max_completion_tokens: number;
  temperature: number;
  seed?: number;
  top_p?: number;
}

/** Asks a model that answers here; `tokens` are those of question and answer. Throws what a chat throws. */
export type AskJudge = (question: Question) => Promise<{ text: string; tokens: number }>;

const noErrors: GraderErrors = {
  formula_parse_error: false,
  invalid_variable_error: false,
  model_grader_parse_error: false,
  model_grader_refusal_error: false,
  model_grader_server_error: false,
  model_grader_server_error_details: null,
  other_error: false,
  python_grader_runtime_error: false,
  python_grader_runtime_error_details: null,
  python_grader_server_error: false,
  python_grader_server_error_type: null,
  sample_parse_error: false,
  truncated_observation_error: false,
  unresponsive_reward_error: false,
};
const mostJudgementTokens = 256;

/** Throws only what is wrong with the request itself, such as an unknown model; what is wrong with answer or item is a flag. */
export async function runGrader(
  grader: GraderRequest,
  sample: string,
  item: unknown,
  { ask, sandbox }: { ask: AskJudge; sandbox: readonly string[] },
): Promise<GraderRun> {
  const startMs = performance.now();
  const graded = gradedSample(sample, item);
  const usage: Record<string, number> = {};
  const scores: Record<string, number> = {};
  const askCounted: AskJudge = async (request) => {
    const answer = await ask(request);
    usage[request.model] = (usage[request.model] ?? 0) + answer.tokens;
    return answer;
  };
  let reward = 0;
  const errors = { ...noErrors };
  try {
    if (grader.type === 'multi') {
      for (const { name, grader: part } of gradersOf(grader)) scores[name] = await gradeOne(part, graded, askCounted, sandbox);
      reward = combine(grader.calculate_output, scores);
    } else {
      reward = await gradeOne(grader, graded, askCounted, sandbox);
    }
  } catch (error) {
    if (!(error instanceof GraderFailure)) throw error;
    errors[error.flag] = true;
    if (error.flag === 'model_grader_server_error') errors.model_grader_server_error_details = error.message;
    if (error.flag === 'python_grader_runtime_error') errors.python_grader_runtime_error_details = error.message;
    if (error.flag === 'python_grader_server_error') errors.python_grader_server_error_type = error.message;
  }
  const models = Object.keys(usage);
  return {
    reward,
    sub_rewards: { ...scores },
    model_grader_token_usage_per_model: usage,
    metadata: {
      name: grader.name,
      type: grader.type,
      errors,
      execution_time: (performance.now() - startMs) / 1000,
      scores: { ...scores },
      sampled_model_name: models[0] ?? null,
      token_usage: models.length === 0 ? null : Object.values(usage).reduce((sum, tokens) => sum + tokens, 0),
    },
  };
}

function combine(formula: string, scores: Record<string, number>): number {
  try {
    return evaluateFormula(formula, scores);
  } catch (error) {
    throw error instanceof FormulaProblem ? new GraderFailure('formula_parse_error', error.message) : error;
  }
}

async function gradeOne(grader: SingleGrader, graded: Graded, ask: AskJudge, sandbox: readonly string[]): Promise<number> {
  switch (grader.type) {
    case 'string_check':
      return Number(checks[grader.operation](fillTemplate(grader.input, graded), fillTemplate(grader.reference, graded)));
    case 'text_similarity':
      return similarity(grader.evaluation_metric, fillTemplate(grader.input, graded), fillTemplate(grader.reference, graded));
    case 'score_model':
      return judge(grader, graded, ask);
    case 'python':
      return gradeInSandbox(sandbox, grader.source, graded);
    case 'label_model':
      throw new PlatformError('unsupported_value', `grader: ${grader.type} is not served`, { param: 'grader.type' });
  }
}

const checks = {
  eq: (said: string, wanted: string) => said === wanted,
  ne: (said: string, wanted: string) => said !== wanted,
  like: (said: string, wanted: string) => said.includes(wanted),
  ilike: (said: string, wanted: string) => said.toLowerCase().includes(wanted.toLowerCase()),
};

function similarity(metric: string, said: string, wanted: string): number {
  if (metric === 'fuzzy_match') return fuzzyMatch(said, wanted);
  return metric === 'rouge_l' ? rougeL(said, wanted) : rouge(said, wanted, Number(metric.slice('rouge_'.length)));
}

async function judge(grader: ScoreModelGrader, graded: Graded, ask: AskJudge): Promise<number> {
  const messages = grader.input.map(({ role, content }) => {
    const parts = Array.isArray(content) ? content : [content];
    return { role, content: parts.map((part) => fillTemplate(typeof part === 'string' ? part : String(part['text']), graded)).join('') };
  });
  const { max_completions_tokens, seed, temperature, top_p } = grader.sampling_params ?? {};
  const { text } = await ask({
    model: grader.model,
    messages,
    max_completion_tokens: max_completions_tokens ?? mostJudgementTokens,
    temperature: temperature ?? 0,
    ...(typeof seed === 'number' && { seed }),
    ...(typeof top_p === 'number' && { top_p }),
  });
  const score = readScore(text);
  const [lowest, highest] = grader.range ?? [0, 1];
  if (score === null) throw new GraderFailure('model_grader_parse_error', `the model said no number: ${text.slice(0, 200)}`);
  return Math.min(Math.max(score, lowest!), highest!);
}

/** `{"result": 0.5}` as OpenAI's judges say it, or the first number. */
function readScore(text: string): number | null {
  const found = /"(?:result|score)"\s*:\s*(-?\d+(?:\.\d+)?)/.exec(text)?.[1] ?? /-?\d+(?:\.\d+)?/.exec(text)?.[0];
  return found === undefined ? null : Number(found);
}
