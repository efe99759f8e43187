/** The losses of a row's tokens beside its x-ray: under the base model, and under a model that was tuned from it. */
import { dirname } from 'node:path';
import type { RowXray } from '#contract/datasets.ts';
import type { CheckModel } from '#platform/data/check-quality.ts';
import type { RowScorer } from '#platform/evaluation/score-row.ts';
import { aliasTarget } from '#platform/models/aliases.ts';
import { requireBaseModel, type BaseModels } from '#platform/models/base-models.ts';
import { openTrained, type Versions } from '#platform/models/versions.ts';

export interface TunedModel {
  id: string;
  base: string;
  template: 'model' | 'instruction';
  adapterDir: string;
}

/** Null for a base model. Throws `model_not_found`, `model_not_ready`, `artifact_corrupt`. */
export async function tunedModel(versions: Versions, projectId: string, name: string): Promise<TunedModel | null> {
  const id = (await aliasTarget(versions, projectId, name)) ?? name;
  if (!id.startsWith('ft:')) return null;
  const { row, file, template } = await openTrained(versions, projectId, id);
  return { id: row.id, base: row.base_model, template, adapterDir: dirname(file) };
}

interface Parts {
  scorer: RowScorer;
  /** The base model's tokenizer. */
  model: CheckModel;
  tuned: TunedModel | null;
  baseModels: BaseModels;
}

/** A row with a problem has no losses: it is not trained on. Throws `worker_unavailable`, `model_refused`. */
export async function withLosses(xray: RowXray, { scorer, model, tuned, baseModels }: Parts): Promise<RowXray> {
  const ids = xray.tokens.slice(0, xray.max_tokens).map(({ id }) => id);
  if (ids.length === 0) return { ...xray, version: tuned?.id ?? null };
  const { modelDir } = await requireBaseModel(baseModels, model.id);
  const [ofBase, ofTuned] = await Promise.all([
    scorer.score({ modelDir, adapterDir: null }, ids),
    tuned && scorer.score({ modelDir, adapterDir: tuned.adapterDir }, ids),
  ]);
  const best = (ofTuned ?? ofBase).best;
  const tokens = xray.tokens.map((token, at) => {
    if (!token.trained || at === 0 || at >= ids.length) return token;
    return {
      ...token,
      base_loss: lossAt(ofBase.logprobs, at),
      loss: ofTuned ? lossAt(ofTuned.logprobs, at) : null,
      likeliest: model.tokenizer.decode([best[at - 1]!]),
    };
  });
  return {
    ...xray,
    version: tuned?.id ?? null,
    base_loss: meanOf(tokens.map(({ base_loss: loss }) => loss)),
    loss: meanOf(tokens.map(({ loss }) => loss)),
    tokens,
  };
}

/** The first token of a row has no log-probability. */
const lossAt = (logprobs: number[], at: number): number => Math.max(0, -logprobs[at - 1]!);

function meanOf(losses: (number | null)[]): number | null {
  const known = losses.filter((loss) => loss !== null);
  return known.length === 0 ? null : known.reduce((sum, loss) => sum + loss, 0) / known.length;
}
