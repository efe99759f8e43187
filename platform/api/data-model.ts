/** The model that rows of a dataset are counted for: its tokenizer and chat template, opened once. */
import { instructionTemplate } from '#platform/core/instruction-template.ts';
import { PlatformError } from '#platform/core/errors.ts';
import type { CheckModel } from '#platform/data/check-quality.ts';
import { sharedRowTokenizer } from '#platform/data/row-tokenizers.ts';
import { baseModelState, requireBaseModel } from '#platform/models/base-models.ts';
import type { Rooms } from './api-server.ts';

/** `template` "instruction" writes rows as ### Instruction, ### Response. Throws `model_not_found`, `model_not_ready`, `unsupported_value`. */
export async function dataModel(rooms: Rooms, id: string, template: 'model' | 'instruction' = 'model'): Promise<CheckModel> {
  const { entry, modelDir } = await requireBaseModel(rooms.baseModels, id);
  if (entry.source.type === 'scripted')
    throw new PlatformError('unsupported_value', `model: ${id} has no tokenizer of its own`, { param: 'model' });
  const tokenizer = await sharedRowTokenizer(modelDir, template === 'instruction' ? instructionTemplate : undefined);
  return { id, tokenizer, contextLength: entry.context_length };
}

/** The model named, or the platform's usual one; null when nobody named one and that is not here. */
export async function dataModelOrNone(rooms: Rooms, id: string | undefined): Promise<CheckModel | null> {
  if (id !== undefined) return dataModel(rooms, id);
  const usual = usualModel(rooms);
  return usual === null ? null : dataModel(rooms, usual);
}

/** The one that is kept warm, else the first of the catalogue that is here, before all those that can be asked; null when none is. */
export function usualModel({ config, baseModels }: Rooms): string | null {
  const trainable = baseModels.catalog.filter(({ source }) => source.type !== 'scripted').map(({ id }) => id);
  const ordered = [...trainable.filter((id) => id === config.warm_model), ...trainable];
  const first = (state: 'ready' | 'unsupported') => ordered.find((id) => baseModelState(baseModels, id) === state);
  // Counting takes the tokenizer alone, which a model that the engine cannot serve has, too.
  return first('ready') ?? first('unsupported') ?? null;
}
