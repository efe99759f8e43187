/** What "auto" means for what is trained: the choice for LoRA, changed where another kind asks for it. */
import type { Adapter, AdapterType } from '#contract/adapter.ts';
import type { ModelEntry } from '#contract/model.ts';
import type { ChosenHyperparameters, Reasons } from './choose-hyperparameters.ts';

type Choice = ChosenHyperparameters & { why: Reasons };

/** Against the rate of LoRA. docs/training.md has what was measured with them on the demo model. */
const rates: Record<Exclude<AdapterType, 'lora'>, { factor: number; ground: string }> = {
  full: { factor: 1 / 15, ground: 'every weight moves' },
  ia3: { factor: 30, ground: 'a vector of ones has far to go' },
  prompt_tuning: { factor: 20, ground: 'a few embeddings have to do it all' },
  prefix_tuning: { factor: 10, ground: 'a few keys and values have to do it all' },
  adaption_prompt: { factor: 20, ground: 'its gates begin closed' },
};
/** Names of the second layer of the feed-forward network, by family. */
const feedForward = ['down_proj', 'dense_4h_to_h', 'fc_out'];
/** LLaMA-Adapter leaves the lowest two of 32 layers alone. */
const mostAdaptedLayers = 30;

export function chooseForAdapter(choice: Choice, type: AdapterType): Choice {
  if (type === 'lora') return choice;
  const { factor, ground } = rates[type];
  const learningRate = Number((choice.learning_rate * factor).toPrecision(2));
  const times = factor < 1 ? `a ${Math.round(1 / factor)}th` : `${factor} times`;
  const why = `${learningRate}: ${times} of ${choice.learning_rate}, the rate for LoRA; ${ground}`;
  return { ...choice, learning_rate: learningRate, why: { ...choice.why, learning_rate: why } };
}

/** The fields of the adapter itself that depend on the model; those that were given count. */
export function chooseFields(
  type: AdapterType,
  given: Record<string, unknown>,
  choice: Choice,
  model: ModelEntry,
): { field: string; value: unknown; why: string }[] {
  const chosen = fieldsOf(type, given, choice, model);
  return Object.entries(chosen).flatMap(([field, [value, why]]) => (given[field] === undefined ? [{ field, value, why }] : []));
}

function fieldsOf(
  type: AdapterType,
  given: Record<string, unknown>,
  choice: Choice,
  model: ModelEntry,
): Record<string, [value: unknown, why: string]> {
  if (type === 'lora') {
    const { target_modules, layers_to_transform, lora_dropout, why } = choice;
    return {
      target_modules: [target_modules, why.target_modules],
      layers_to_transform: [layers_to_transform, why.layers_to_transform],
      lora_dropout: [lora_dropout, why.lora_dropout],
    };
  }
  if (type === 'ia3') {
    const isLlama = model.target_modules.includes('k_proj');
    const usual = isLlama ? ['k_proj', 'v_proj', 'down_proj'] : model.target_modules;
    const targets = (given['target_modules'] as string[] | undefined) ?? usual;
    return {
      target_modules: [
        usual,
        isLlama ? 'keys, values and the feed-forward network, as in the paper' : `the projections of ${model.architecture}`,
      ],
      feedforward_modules: [
        targets.filter((name) => feedForward.includes(name)),
        'those of the targets that belong to the feed-forward network',
      ],
    };
  }
  if (type !== 'adaption_prompt') return {};
  return { adapter_layers: [Math.min(mostAdaptedLayers, model.layers), `${model.id} has ${model.layers} layers`] };
}

/** Why this adapter does not go with the model or the other settings, with the path of the field; null when it does. */
export function adapterProblem(
  adapter: Adapter,
  model: ModelEntry,
  run: { method: string; gradient_checkpointing: boolean },
): { param: string; message: string } | null {
  const problem = (field: string, message: string) => ({ param: `extensions.${field}`, message });
  if (scored.includes(run.method) && (adapter.type !== 'lora' || adapter.use_dora))
    return problem(
      adapter.type === 'lora' ? 'adapter.use_dora' : 'adapter.type',
      `${run.method} goes with plain LoRA: policy and reward model are two adapters on one base model`,
    );
  switch (adapter.type) {
    case 'lora': {
      if (adapter.init_lora_weights === 'orthogonal' && adapter.r % 2 === 1)
        return problem('adapter.r', `orthogonal weights come in pairs, so it is an even number, not ${adapter.r}`);
      if (adapter.use_dora && adapter.quantization !== null)
        return problem('adapter.use_dora', 'the lengths of columns are learnt of whole layers only; leave quantization out');
      const beyond = adapter.layers_to_transform?.find((layer) => layer >= model.layers);
      return beyond === undefined
        ? null
        : problem('adapter.layers_to_transform', `${model.id} has the layers 0 to ${model.layers - 1}, not ${beyond}`);
    }
    case 'full':
      return alone.includes(run.method)
        ? null
        : problem('adapter.type', `with all weights trained no base model is left for ${run.method}; it goes with ${alone.join(', ')}`);
    case 'ia3': {
      const stray = adapter.feedforward_modules.find((name) => !adapter.target_modules.includes(name));
      return stray === undefined ? null : problem('adapter.feedforward_modules', `${stray} is none of target_modules`);
    }
    case 'adaption_prompt':
      if (!wrapped.includes(model.architecture))
        return problem(
          'adapter.type',
          `adaption prompts are for ${wrapped.join(' and ')} models; ${model.id} is a ${model.architecture} model`,
        );
      return adapter.adapter_layers <= model.layers
        ? null
        : problem('adapter.adapter_layers', `${model.id} has ${model.layers} layers, not ${adapter.adapter_layers}`);
    case 'prefix_tuning':
    case 'prompt_tuning':
      if (adapter.type === 'prefix_tuning' && run.gradient_checkpointing)
        return problem('gradient_checkpointing', 'a layer that is computed twice cannot look at a learnt prefix; give false');
      return adapter.num_virtual_tokens < model.context_length
        ? null
        : problem('adapter.num_virtual_tokens', `the context of ${model.id} is ${model.context_length} tokens`);
  }
}

/** Methods that never ask the base model beside the one that is trained. */
const alone: string[] = ['supervised', 'orpo', 'simpo'];
/** Methods in which a reward model stands beside the policy. */
const scored: string[] = ['reward', 'ppo'];
/** Families whose attention PEFT can wrap. */
const wrapped: string[] = ['llama', 'mistral'];
