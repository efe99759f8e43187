/** OpenAI's reinforcement fine-tuning in the words of our own method: its grader becomes rules and a formula over them. */
import type { RewardFormula, Rule } from '#contract/grader.ts';
import type { GrpoMethod } from '#contract/method.ts';
import type { ReinforcementRequest } from '#contract/openai/create-fine-tuning-job.ts';
import { gradersOf, type GraderRequest, type ScoreModelGrader, type SingleGrader } from '#contract/openai/graders.ts';
import { checkFormula, FormulaProblem } from '#platform/core/formula.ts';
import { PlatformError } from '#platform/core/errors.ts';

const at = 'method.reinforcement';
/** Answers to each prompt where `compute_multiplier` is 1. */
const usualGenerations = 8;

/** The options of GRPO that it says. Throws with the field's path in `param`: `invalid_request`, `unsupported_value`. */
export function reinforcementOptions(reinforcement: ReinforcementRequest, model: string): Partial<GrpoMethod> {
  const { grader, hyperparameters = {} } = reinforcement;
  const multiplier = hyperparameters.compute_multiplier;
  return {
    formula: rewardFormula(grader, model),
    ...(typeof multiplier === 'number' && { num_generations: Math.max(2, Math.round(usualGenerations * multiplier)) }),
  };
}

function rewardFormula(grader: GraderRequest, model: string): RewardFormula {
  const path = `${at}.grader`;
  if (grader.type !== 'multi') return { rules: { [grader.name]: ruleOf(grader, path, model) }, calculate_output: null };
  const parts = gradersOf(grader);
  const rules = Object.fromEntries(parts.map(({ name, grader: part, path: below }) => [name, ruleOf(part, `${path}.${below}`, model)]));
  try {
    checkFormula(grader.calculate_output, Object.keys(rules));
  } catch (error) {
    if (!(error instanceof FormulaProblem)) throw error;
    throw new PlatformError('invalid_request', `${path}.${error.message}`, { param: `${path}.calculate_output`, cause: error });
  }
  return { rules, calculate_output: grader.calculate_output };
}

function ruleOf(grader: SingleGrader, path: string, model: string): Rule {
  switch (grader.type) {
    case 'string_check': {
      const { type, operation, input, reference } = grader;
      return { type, operation, input, reference };
    }
    case 'text_similarity': {
      const { type, input, reference } = grader;
      return { type, input, reference, evaluation_metric: grader.evaluation_metric as Served };
    }
    case 'score_model':
      return judgeOf(grader, path, model);
    case 'python':
      return { type: 'python', source: grader.source };
    case 'label_model':
      throw refusal(`${path}.type`, `${grader.type} is not served`);
  }
}
type Served = Extract<Rule, { type: 'text_similarity' }>['evaluation_metric'];

/** The base model stands beside what is trained in any case: nothing else is loaded, and the judge does not change while it judges. */
function judgeOf(grader: ScoreModelGrader, path: string, model: string): Rule {
  if (grader.model !== model)
    throw refusal(`${path}.model`, `the judge of a run is the base model that it trains, "${model}", as it was before; name that one`);
  const { temperature, top_p, max_completions_tokens } = grader.sampling_params ?? {};
  if (temperature) throw refusal(`${path}.sampling_params.temperature`, 'a judge says what is likeliest: leave it out, or give 0');
  if (typeof top_p === 'number' && top_p < 1)
    throw refusal(`${path}.sampling_params.top_p`, 'a judge says what is likeliest: leave it out, or give 1');
  const [lowest, highest] = grader.range ?? [0, 1];
  return {
    type: 'score_model',
    model,
    input: grader.input.map(({ role, content }) => {
      const parts = Array.isArray(content) ? content : [content];
      const text = parts.map((part) => (typeof part === 'string' ? part : String(part['text']))).join('');
      return { role: role === 'developer' ? 'system' : role, content: text };
    }),
    lowest: lowest!,
    highest: highest!,
    max_completion_tokens: max_completions_tokens ?? 64,
  };
}

const refusal = (param: string, message: string): PlatformError =>
  new PlatformError('unsupported_value', `${param}: ${message}`, { param });
