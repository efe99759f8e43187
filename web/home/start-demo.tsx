/** One click from nothing to a run: the example set that ships with the platform, on the base model that is here. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import type { ExampleFiles, ExampleSetList } from '#contract/example.ts';
import type { TrainingRun } from '#contract/training-run.ts';
import { call } from '../api/call.ts';
import { ApiFailure } from '../api/failure.ts';
import { Button } from '../components/button.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { baseModelsQuery, type BaseModel } from '../new-run/base-models.ts';

const set = 'lumen-support';
/** Small enough for any machine; another model that is ready takes its place where it is not there. */
const usualModel = 'smollm2-135m-instruct';

export function StartDemo() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const start = useMutation({
    mutationFn: async () => {
      const models = (await client.ensureQueryData(baseModelsQuery())) as { data: BaseModel[] };
      return startDemo(models.data);
    },
    onSuccess: (run) => navigate({ to: '/runs/$id', params: { id: run.id } }),
  });
  return (
    <>
      <Button kind="primary" onClick={() => start.mutate()} disabled={start.isPending}>
        {start.isPending ? 'Preparing the example data…' : 'Start the demo run'}
      </Button>
      {start.isError && <FailureView error={start.error} />}
    </>
  );
}

async function startDemo(models: readonly BaseModel[]): Promise<TrainingRun> {
  const ready = models.filter(({ state, source }) => state === 'ready' && source !== 'scripted');
  const model = ready.find(({ id }) => id === usualModel) ?? ready[0];
  if (!model) {
    throw new ApiFailure({
      code: 'model_not_ready',
      status: 0,
      message: 'No base model is here yet. Fetch one with: tuneloop model pull smollm2-135m-instruct',
    });
  }
  const [examples, files] = await Promise.all([
    call<ExampleSetList>('/api/v1/examples'),
    call<ExampleFiles>(`/api/v1/examples/${set}/files`, { method: 'POST' }),
  ]);
  const questions = examples.data.find(({ name }) => name === set)?.questions ?? [];
  return call<TrainingRun>('/v1/fine_tuning/jobs', {
    body: {
      model: model.id,
      training_file: files.training_file.id,
      validation_file: files.validation_file?.id ?? null,
      suffix: 'demo',
      seed: 7,
      metadata: { name: 'Demo: Lumen support' },
      extensions: { probes: { prompts: questions.slice(0, 3).map(({ question }) => ({ prompt: question })) } },
    },
  });
}
