/** The method of a run as it is frozen: named in OpenAI's `method`, in our `extensions.method`, or left out. */
import { Method } from '#contract/method.ts';
import type { FineTuningJobRequest } from '#contract/openai/create-fine-tuning-job.ts';
import { fieldPath } from '#contract/openai/request-problem.ts';
import { PlatformError } from '#platform/core/errors.ts';

/** Throws `invalid_request` with the field's path where the two places do not agree. */
export function freezeMethod({ method, extensions }: Pick<FineTuningJobRequest, 'method' | 'extensions'>): Method {
  const given = withoutAuto(extensions?.method ?? {});
  if (method && extensions?.method && method.type !== extensions.method.type) {
    const param = 'extensions.method.type';
    throw refusal(param, `is "${extensions.method.type}", but method.type is "${method.type}": give one of them`);
  }
  const beta = method?.type === 'dpo' ? method.dpo?.hyperparameters?.beta : undefined;
  if (beta !== undefined && beta !== 'auto') {
    const param = 'extensions.method.beta';
    if (given['beta'] !== undefined && given['beta'] !== beta)
      throw refusal(param, `is ${JSON.stringify(given['beta'])}, but the hyperparameters say ${beta}: give one of them`);
    given['beta'] = beta;
  }
  const parsed = Method.safeParse({ type: method?.type ?? 'supervised', ...given });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw refusal(fieldPath(['extensions', 'method', ...issue.path])!, issue.message);
}

const refusal = (param: string, message: string): PlatformError => new PlatformError('invalid_request', `${param}: ${message}`, { param });

/** "auto" means the default: there is nothing that model or data would choose. */
function withoutAuto(given: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== 'auto' && value !== undefined));
}
