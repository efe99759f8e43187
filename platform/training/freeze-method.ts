/** The method of a run as it is frozen: named in OpenAI's `method`, in our `extensions.method`, or left out. */
import { Method, type GrpoMethod } from '#contract/method.ts';
import type { FineTuningJobRequest } from '#contract/openai/create-fine-tuning-job.ts';
import { fieldPath } from '#contract/openai/request-problem.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { reinforcementOptions } from './freeze-reinforcement.ts';

/** Throws `invalid_request` with the field's path where the two places do not agree, `unsupported_value` for a grader that is not served. */
export function freezeMethod({ method, extensions, model }: Pick<FineTuningJobRequest, 'method' | 'extensions' | 'model'>): Method {
  const given = withoutAuto(extensions?.method ?? {});
  const named = method?.type === 'reinforcement' ? 'grpo' : method?.type;
  if (method && extensions?.method && named !== extensions.method.type) {
    const param = 'extensions.method.type';
    const own = method.type === 'reinforcement' ? 'method.type "reinforcement" is "grpo" here' : `method.type is "${method.type}"`;
    throw refusal(param, `is "${extensions.method.type}", but ${own}: give one of them`);
  }
  if (method?.reinforcement && method.type === 'reinforcement') {
    for (const [name, value] of Object.entries(reinforcementOptions(method.reinforcement, model))) {
      const twice = given[name] !== undefined ? name : name === 'formula' && given['graders'] !== undefined ? 'graders' : null;
      if (twice !== null) throw refusal(`extensions.method.${twice}`, 'method.reinforcement says it already: give one of them');
      given[name] = value;
    }
  }
  const beta = method?.type === 'dpo' ? method.dpo?.hyperparameters?.beta : undefined;
  if (beta !== undefined && beta !== 'auto') {
    const param = 'extensions.method.beta';
    if (given['beta'] !== undefined && given['beta'] !== beta)
      throw refusal(param, `is ${JSON.stringify(given['beta'])}, but the hyperparameters say ${beta}: give one of them`);
    given['beta'] = beta;
  }
  const parsed = Method.safeParse({ type: named ?? 'supervised', ...given });
  if (parsed.success) {
    if (parsed.data.type === 'grpo') refuseJudges(parsed.data, model);
    return parsed.data;
  }
  const issue = parsed.error.issues[0]!;
  throw refusal(fieldPath(['extensions', 'method', ...issue.path])!, issue.message);
}

/** The base model stands beside what is trained in any case: nothing else is loaded, and the judge does not change while it judges. */
function refuseJudges({ formula }: GrpoMethod, base: string): void {
  for (const [name, rule] of Object.entries(formula?.rules ?? {})) {
    if (rule.type !== 'score_model' || rule.model === base) continue;
    throw refusal(`extensions.method.formula.rules.${name}.model`, `the judge of a run is the base model that it trains: name "${base}"`);
  }
}

const refusal = (param: string, message: string): PlatformError => new PlatformError('invalid_request', `${param}: ${message}`, { param });

/** "auto" means the default: there is nothing that model or data would choose. */
function withoutAuto(given: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== 'auto' && value !== undefined));
}
