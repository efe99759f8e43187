/** Requests for a fine-tuning job: what may be said where, and that nothing misspelt is silently ignored. */
import { expect, it } from 'vitest';
import { FineTuningJobRequest, hyperparametersOf } from './create-fine-tuning-job.ts';
import { requestProblem } from './request-problem.ts';

const plain = { model: 'm', training_file: 'file-1' };
const check = { type: 'string_check', name: 'right', input: '{{sample.output_text}}', reference: '{{item.answer}}', operation: 'eq' };
const reinforced = (grader: object, hyperparameters: object = {}) => ({
  method: { type: 'reinforcement', reinforcement: { grader, hyperparameters } },
});

function problemOf(fields: object) {
  const parsed = FineTuningJobRequest.safeParse({ ...plain, ...fields });
  return parsed.success ? null : requestProblem(parsed.error);
}

it('says "auto" for every hyperparameter that is not given', () => {
  expect(hyperparametersOf(FineTuningJobRequest.parse(plain))).toEqual({
    n_epochs: 'auto',
    batch_size: 'auto',
    learning_rate_multiplier: 'auto',
  });
});

it('takes a grader as OpenAI has it, and gives it back as it was sent', () => {
  const grader = { ...check, extra: 1 };
  const request = FineTuningJobRequest.parse({ ...plain, ...reinforced(grader, { n_epochs: 3, compute_multiplier: 'auto' }) });
  expect(request.method?.reinforcement?.grader).toEqual(grader);
  expect(hyperparametersOf(request).n_epochs).toBe(3);
});

it('takes hyperparameters at the top, and prefers those of the method', () => {
  const request = FineTuningJobRequest.parse({
    ...plain,
    hyperparameters: { n_epochs: 2, batch_size: 8 },
    method: { type: 'supervised', supervised: { hyperparameters: { n_epochs: 5 } } },
  });
  expect(hyperparametersOf(request)).toEqual({ n_epochs: 5, batch_size: 8, learning_rate_multiplier: 'auto' });
});

it("takes the hyperparameters of OpenAI's preference training", () => {
  const hyperparameters = { n_epochs: 2, beta: 0.2 } as const;
  const request = FineTuningJobRequest.parse({ ...plain, method: { type: 'dpo', dpo: { hyperparameters } } });
  expect(hyperparametersOf(request)).toEqual({ n_epochs: 2, batch_size: 'auto', learning_rate_multiplier: 'auto' });
  expect(request.method?.dpo?.hyperparameters?.beta).toBe(0.2);
});

it('takes any setting of the trainer or the adapter as a value, as "auto", or not at all', () => {
  const extensions = {
    adapter: { r: 8, target_modules: 'auto' as const },
    learning_rate: 0.001,
    max_steps: null,
    precision: 'auto' as const,
  };
  expect(FineTuningJobRequest.parse({ ...plain, extensions }).extensions).toEqual({
    ...extensions,
  });
});

it.each([
  [{ n_epoch: 3 }, 'unsupported_parameter', 'n_epoch'],
  [{ hyperparameters: { epochs: 3 } }, 'unsupported_parameter', 'hyperparameters.epochs'],
  [{ extensions: { adapter: { rank: 8 } } }, 'unsupported_parameter', 'extensions.adapter.rank'],
  [{ extensions: { lr: 1 } }, 'unsupported_parameter', 'extensions.lr'],
  [{ extensions: { adapter: { type: 'p_tuning' } } }, 'invalid_request', 'extensions.adapter.type'],
  [{ extensions: { adapter: { type: 'ia3', r: 8 } } }, 'unsupported_parameter', 'extensions.adapter.r'],
  [
    { extensions: { adapter: { type: 'prefix_tuning', num_virtual_tokens: 0 } } },
    'invalid_request',
    'extensions.adapter.num_virtual_tokens',
  ],
  [{ extensions: { adapter: { type: 'lota' } } }, 'invalid_request', 'extensions.adapter.type'],
  [{ extensions: { adapter: { quantization: 'int3' } } }, 'invalid_request', 'extensions.adapter.quantization'],
  [{ method: { type: 'dpo', dpo: { hyperparameters: { beta: 0 } } } }, 'invalid_request', 'method.dpo.hyperparameters.beta'],
  [{ method: { type: 'dpo', dpo: { hyperparameters: { gamma: 1 } } } }, 'unsupported_parameter', 'method.dpo.hyperparameters.gamma'],
  [{ method: { type: 'orpo' } }, 'invalid_request', 'method.type'],
  [{ extensions: { method: { type: 'dpo', gamma: 1 } } }, 'unsupported_parameter', 'extensions.method.gamma'],
  [{ extensions: { method: { type: 'simpo', gamma: -1 } } }, 'invalid_request', 'extensions.method.gamma'],
  [{ extensions: { method: { type: 'q_learning' } } }, 'invalid_request', 'extensions.method.type'],
  [{ method: { type: 'reinforcement' } }, 'invalid_request', 'method.reinforcement'],
  [reinforced({ type: 'python', name: 'it', source: '' }), 'invalid_request', 'method.reinforcement.grader.source'],
  [reinforced({ ...check, operation: 'is' }), 'invalid_request', 'method.reinforcement.grader.operation'],
  [reinforced(check, { reasoning_effort: 'high' }), 'unsupported_value', 'method.reinforcement.hyperparameters.reasoning_effort'],
  [reinforced(check, { eval_samples: 4 }), 'unsupported_value', 'method.reinforcement.hyperparameters.eval_samples'],
  [reinforced(check, { compute_multiplier: 9 }), 'invalid_request', 'method.reinforcement.hyperparameters.compute_multiplier'],
  [{ method: { type: 'sft' } }, 'invalid_request', 'method.type'],
  [{ hyperparameters: { n_epochs: 51 } }, 'invalid_request', 'hyperparameters.n_epochs'],
  [{ hyperparameters: { batch_size: 257 } }, 'invalid_request', 'hyperparameters.batch_size'],
  [{ hyperparameters: { learning_rate_multiplier: 0 } }, 'invalid_request', 'hyperparameters.learning_rate_multiplier'],
  [{ hyperparameters: { n_epochs: 'all' } }, 'invalid_request', 'hyperparameters.n_epochs'],
  [{ extensions: { precision: 'fp8' } }, 'invalid_request', 'extensions.precision'],
  [{ suffix: 'a:b' }, 'invalid_request', 'suffix'],
  [{ seed: -1 }, 'invalid_request', 'seed'],
  [{ training_file: undefined }, 'invalid_request', 'training_file'],
  [{ integrations: [{ type: 'wandb' }] }, 'invalid_request', 'integrations[0].wandb'],
])('refuses %j as %s at %s', (fields, code, param) => {
  expect(problemOf(fields)).toMatchObject({ code, param });
});

it('lists the known fields beside a misspelt one', () => {
  expect(problemOf({ extensions: { adapter: { rank: 8 } } })?.message).toContain('known are r, lora_alpha');
});
