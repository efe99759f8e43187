/** What the time machine costs and whether it leaves a trace: the same run of the demo model without probes, with them, and asked by hand. */
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import OpenAI from 'openai';
import type { Model } from '#contract/openai/models.ts';
import type { Probe, ProbeDelta } from '#contract/probe.ts';
import type { TrainingRun, TrainingRunEvent } from '#contract/training-run.ts';
import { Client } from '#platform/cli/client.ts';
import { followRun } from '#platform/cli/follow-run.ts';
import { projectRoot } from '#platform/config.ts';
import { type RunningPlatform, until, withQuietPlatform } from '../tests/running-platform.ts';
import type { Figure } from './report.ts';

const model = 'smollm2-135m-instruct';
const data = join(projectRoot, 'examples/data');
const steps = 40;
const questions = 12;
const goals = { share: 0.05, waitSeconds: 0.3 };

interface Run {
  id: string;
  events: TrainingRunEvent[];
  /** Hash of the adapter that is served. */
  adapter: string;
  /** From the first optimiser step to the model. */
  seconds: number;
}

/** Everything on "auto" but the number of steps. */
async function train(
  client: Client,
  files: { training: string; validation: string },
  probes: object,
  meanwhile?: (id: string) => Promise<unknown>,
): Promise<Run> {
  const { training: training_file, validation: validation_file } = files;
  const extensions = { max_steps: steps, probes };
  const { id } = await client.create<{ id: string }>('/v1/fine_tuning/jobs', {
    model,
    training_file,
    validation_file,
    seed: 7,
    extensions,
  });
  const asked = meanwhile?.(id);
  const events = await Array.fromAsync(followRun(client, id));
  await asked;
  const run = await client.ask<TrainingRun>(`/api/v1/training/jobs/${id}`);
  if (run.status !== 'succeeded') throw new Error(`${id} is ${run.status}: ${run.failure?.message}`);
  const { x_sha256 } = await client.ask<Model>(`/v1/models/${encodeURIComponent(run.fine_tuned_model!)}`);
  return { id, events, adapter: x_sha256!, seconds: await secondsOf(client, id) };
}

/** By the worker's own clock. */
async function secondsOf(client: Client, id: string): Promise<number> {
  const { data: last } = await client.ask<{ data: TrainingRunEvent[] }>(`/api/v1/training/jobs/${id}/events`, { query: { limit: 5 } });
  const ended = last.find(({ event }) => event === 'run-ended');
  return Number(ended!.data['seconds']);
}

const lossesOf = ({ events }: Run): string =>
  JSON.stringify(
    events
      .filter(({ event }) => event === 'run-step')
      .map(({ data: figures }) => [figures['step'], figures['train_loss'], figures['grad_norm']]),
  );

interface Wait {
  seconds: number;
  /** Optimiser steps done when it was answered. */
  step: number;
}

/** Asks at odd moments of a step, each question when the one before has been answered; measured here, where the person sits. */
async function askAll(client: Client, runId: string): Promise<Wait[]> {
  const path = `/api/v1/training/jobs/${runId}/probes`;
  const firstTokens = new Map<string, { at: number; step: number }>();
  const done = new Set<string>();
  const watching = (async () => {
    for await (const { event, data: text } of client.events(`${path}/stream`)) {
      if (event === 'end') return;
      const delta = JSON.parse(text) as ProbeDelta;
      const isFirst = delta.state === 'answering' && !firstTokens.has(delta.probe_id);
      if (isFirst) firstTokens.set(delta.probe_id, { at: performance.now(), step: delta.step });
      if (delta.done) done.add(delta.probe_id);
    }
  })();
  await until(async () => (await client.ask<TrainingRun>(`/api/v1/training/jobs/${runId}`)).step >= 2, 50);
  const waits: Wait[] = [];
  for (let number = 1; number <= questions; number++) {
    const askedAt = performance.now();
    const { id } = await client.ask<Probe>(path, {
      method: 'POST',
      body: { prompt: `How long is the warranty of lamp number ${number}?` },
    });
    const first = await until(async () => firstTokens.get(id), 5);
    waits.push({ seconds: (first.at - askedAt) / 1000, step: first.step });
    await until(async () => done.has(id), 5);
    // Every question meets its step at another place.
    await new Promise((resolve) => setTimeout(resolve, 137 * number));
  }
  await watching;
  return waits;
}

/**
 * Waits beyond the step that was under way: the one after it, where it was answered in the middle of that, else its own. Nobody says
 * which, so the shorter of the two counts.
 */
function beyondStep(run: Run, waits: Wait[]): number[] {
  const secondsOfStep = new Map(
    run.events.filter(({ event }) => event === 'run-step').map(({ data: figures }) => [figures['step'], Number(figures['step_seconds'])]),
  );
  return waits.map(({ seconds, step }) => seconds - Math.min(secondsOfStep.get(step) ?? Infinity, secondsOfStep.get(step + 1) ?? Infinity));
}

/** Probes may spend ahead of their time: what counts is the share of the whole attempt. Event times are whole seconds. */
function shareOfRun({ events }: Run): number {
  const timeOf = (name: string): number => events.findLast(({ event }) => event === name)!.created_at;
  const round = events.findLast(({ event }) => event === 'probe-round');
  if (!round) return 0;
  const began = timeOf('run-started');
  return (Number(round.data['share']) * (round.created_at - began)) / (timeOf('run-ended') - began);
}

function median(values: number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)]!;
}

async function measure(platform: RunningPlatform): Promise<Figure[]> {
  const client = new Client(platform.url, platform.key);
  const openai = new OpenAI({ apiKey: platform.key, baseURL: `${platform.url}/v1` });
  const upload = async (name: string): Promise<string> =>
    (await openai.files.create({ file: createReadStream(join(data, name)), purpose: 'fine-tune' })).id;
  const files = { training: await upload('lumen-support.jsonl'), validation: await upload('lumen-support-validation.jsonl') };
  const without = await train(client, files, { enabled: false });
  const beside = await train(client, files, {});
  let waits: Wait[] = [];
  const asked = await train(client, files, { budget_share: 0 }, async (id) => (waits = await askAll(client, id)));
  const beyond = beyondStep(asked, waits);
  const rounds = beside.events.filter(({ event }) => event === 'probe-round');
  const answers = beside.events.filter(({ event }) => event === 'probe-answered');
  const share = shareOfRun(beside);
  const isSame = [beside, asked].every((run) => run.adapter === without.adapter && lossesOf(run) === lossesOf(without));
  return [
    { name: 'run without probes', value: without.seconds, unit: 's' },
    { name: 'run with probes', value: beside.seconds, unit: 's' },
    { name: 'rounds of answers', value: rounds.length, unit: '', goal: '>= 1', holds: rounds.length >= 1 },
    { name: 'answers', value: answers.length, unit: '' },
    { name: 'share of the wall time of the run', value: share, unit: '', goal: `<= ${goals.share}`, holds: share <= goals.share },
    {
      name: 'loss curve and adapter, with, without and asked',
      value: isSame ? 1 : 0,
      unit: 'same',
      goal: 'to the last bit',
      holds: isSame,
    },
    { name: 'a typed question, to its first token, p50', value: median(waits.map(({ seconds }) => seconds)), unit: 's' },
    { name: 'the same, longest', value: Math.max(...waits.map(({ seconds }) => seconds)), unit: 's' },
    { name: 'beyond the step under way, p50', value: median(beyond), unit: 's' },
    {
      name: `beyond the step under way, longest of ${waits.length}`,
      value: Math.max(...beyond),
      unit: 's',
      goal: `<= ${goals.waitSeconds}`,
      holds: Math.max(...beyond) <= goals.waitSeconds,
    },
  ];
}

export async function run(): Promise<Figure[]> {
  return withQuietPlatform(measure);
}
