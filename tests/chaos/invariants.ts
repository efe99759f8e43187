/** The seven promises, checked against everything that the client was told since its world began. */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Alias } from '#contract/alias.ts';
import { FailureCause } from '#contract/errors.ts';
import type { FileObject } from '#contract/openai/files.ts';
import type { FineTuningJobCheckpointList } from '#contract/openai/fine-tuning.ts';
import type { Model } from '#contract/openai/models.ts';
import { terminalStates } from '#contract/training.ts';
import type { TrainingRun, TrainingRunEvent } from '#contract/training-run.ts';
import { verifyArtifact } from '#platform/training/artifact.ts';
import { aliasName, savedEvery } from './actors.ts';
import { BrokenPromise, type Client } from './client.ts';
import type { KnownRun, KnownStream, Oracle } from './oracle.ts';
import type { World } from './world.ts';

/** What may have happened in the round, so that its price may be paid. */
export interface Happened {
  round: number;
  faults: readonly string[];
}

/** Throws BrokenPromise at the first that does not hold. Returns how many runs of the round were gone on from a checkpoint. */
export async function checkInvariants(world: World, client: Client, oracle: Oracle, happened: Happened): Promise<{ resumed: number }> {
  if (world.surprises.length > 0) throw new BrokenPromise('N5', world.surprises.join('\n'));
  for (const stream of oracle.streams) if (stream.round === happened.round) checkStream(stream, oracle, happened);
  await checkFiles(client, oracle);
  await checkAlias(client, oracle);
  let resumed = 0;
  for (const run of oracle.runs) if (await checkRun(world, client, oracle, run, happened)) resumed++;
  return { resumed };
}

/** N1, N2: every acknowledged file is there once with its bytes, and no other is. */
async function checkFiles(client: Client, oracle: Oracle): Promise<void> {
  const { data } = await client.get<{ data: FileObject[] }>('/v1/files?purpose=user_data&limit=10000');
  for (const { id, filename, sha256 } of oracle.files) {
    const named = data.filter((file) => file.filename === filename).map((file) => file.id);
    if (!named.includes(id)) throw new BrokenPromise('N1', `file ${id} (${filename}) was acknowledged and is gone`);
    if (named.length > 1) throw new BrokenPromise('N2', `${filename} is ${named.length} files: ${named.join(', ')}`);
    const answer = await client.fetch(`/v1/files/${id}/content`);
    const found = createHash('sha256')
      .update(Buffer.from(await answer.arrayBuffer()))
      .digest('hex');
    if (found !== sha256) throw new BrokenPromise('N4', `file ${id} has other bytes than those that were acknowledged`);
  }
  const strangers = data.filter((file) => file.filename === 'cut.bin');
  if (strangers.length > 0) throw new BrokenPromise('N4', `${strangers.length} uploads that were cut are files`);
}

/** N1, N7: every acknowledged promotion is in the history, which has no gap. */
async function checkAlias(client: Client, oracle: Oracle): Promise<void> {
  if (oracle.promotions.length === 0) return;
  const { history } = await client.get<Alias>(`/api/v1/aliases/${aliasName}`);
  const revisions = history.map((change) => change.revision).toSorted((left, right) => left - right);
  if (!isGapless(revisions)) throw new BrokenPromise('N7', `the history of the alias has revisions ${revisions.join(', ')}`);
  for (const { revision, model } of oracle.promotions) {
    const change = history.find((one) => one.revision === revision);
    if (change?.model !== model) throw new BrokenPromise('N1', `the promotion of ${model}, revision ${revision}, is not in the history`);
  }
}

async function checkRun(world: World, client: Client, oracle: Oracle, known: KnownRun, happened: Happened): Promise<boolean> {
  const run = await client.get<TrainingRun>(`/api/v1/training/jobs/${known.id}`);
  if (known.round !== happened.round) {
    // It has been checked whole after its own round; its end is for ever.
    if (!terminalStates.includes(run.status)) throw new BrokenPromise('N1', `run ${run.id} had ended and is ${run.status}`);
    return false;
  }
  const twins = await client.get<{ data: { id: string }[] }>(`/v1/fine_tuning/jobs?metadata[label]=${known.label}`);
  if (twins.data.length !== 1) throw new BrokenPromise('N2', `${known.label} is ${twins.data.length} runs`);
  checkEnd(run, known, happened);
  const events = await eventsOf(client, run.id);
  checkEvents(run, known, events);
  await checkArtifacts(world, client, run, events);
  if (run.status === 'succeeded') await checkResult(client, oracle, run);
  return checkResumes(run, events);
}

/** N5: it has ended, as the client asked or for a cause that there was. */
function checkEnd(run: TrainingRun, known: KnownRun, { faults }: Happened): void {
  if (known.wasCancelled && run.status !== 'cancelled') throw new BrokenPromise('N1', `run ${run.id} was cancelled and is ${run.status}`);
  if (run.status === 'cancelled' && !known.wasCancelled) throw new BrokenPromise('N5', `run ${run.id} is cancelled, and nobody asked`);
  if (run.status !== 'failed') return;
  const cause = run.failure?.cause;
  if (!FailureCause.safeParse(cause).success) throw new BrokenPromise('N5', `run ${run.id} failed without a cause`);
  const wasFull = cause === 'disk_full' && faults.includes('fill-disk');
  const wasLost = cause === 'worker_lost' && faults.filter((name) => /worker|job|disk/.test(name)).length > 0;
  if (!wasFull && !wasLost) throw new BrokenPromise('N5', `run ${run.id} failed: ${cause}: ${run.failure?.message}`);
}

async function eventsOf(client: Client, runId: string): Promise<TrainingRunEvent[]> {
  const events: TrainingRunEvent[] = [];
  for (let before: number | undefined, hasMore = true; hasMore; before = events[0]?.seq) {
    const page = `/api/v1/training/jobs/${runId}/events?limit=500${before === undefined ? '' : `&before_seq=${before}`}`;
    const { data, has_more } = await client.get<{ data: TrainingRunEvent[]; has_more: boolean }>(page);
    events.unshift(...data.toReversed());
    hasMore = has_more;
  }
  return events;
}

/** N7: numbered without gap, shown without gap or repetition, and one end at the end. N2: each attempt was started once. */
function checkEvents(run: TrainingRun, known: KnownRun, events: TrainingRunEvent[]): void {
  const seqs = events.map((event) => event.seq);
  if (!isGapless(seqs)) throw new BrokenPromise('N7', `the events of run ${run.id} are numbered ${seqs.join(', ')}`);
  if (!isDeepStrictEqual(known.seen, seqs)) throw new BrokenPromise('N7', `the stream of run ${run.id} showed ${known.seen.join(', ')}`);
  const ends = events.filter(({ event }) => ['run-ended', 'run-failed', 'run-cancelled'].includes(event));
  if (ends.length !== 1 || events.at(-1) !== ends[0]) throw new BrokenPromise('N7', `run ${run.id} has ${ends.length} ends`);
  const attempts = events.filter(({ event }) => event === 'run-starting' || event === 'run-retried').length;
  const started = events.filter(({ event }) => event === 'run-started').length;
  if (started > attempts) throw new BrokenPromise('N2', `run ${run.id} was started ${started} times in ${attempts} attempts`);
}

/**
 * N3: an attempt goes on from the last checkpoint that was told of, or a later one; within an attempt no step is missing. A checkpoint is
 * written while the next steps are taken, and the one after it waits for it: fewer than twice `save_steps` are done again.
 */
function checkResumes(run: TrainingRun, events: TrainingRunEvent[]): boolean {
  let [last, saved, isNew, resumed] = [0, 0, false, false];
  for (const { event, data } of events) {
    if (event === 'checkpoint-saved') saved = Number(data?.['step']);
    if (event === 'run-starting' || event === 'run-retried') isNew = true;
    if (event !== 'run-step') continue;
    const step = Number(data?.['step']);
    const least = isNew ? Math.max(saved + 1, last - 2 * savedEvery + 2) : last + 1;
    if (step < least || step > last + 1) throw new BrokenPromise('N3', `run ${run.id} went from step ${last} to step ${step}`);
    resumed ||= isNew && step > 1;
    [last, isNew] = [step, false];
  }
  return resumed;
}

/** N4: whatever is listed is whole, and whatever has its final name is. */
async function checkArtifacts(world: World, client: Client, run: TrainingRun, events: TrainingRunEvent[]): Promise<void> {
  const folder = join(world.dataDir, 'runs', run.id);
  const hashes = new Map<string, string>();
  for (const { data } of events) {
    if (typeof data?.['path'] === 'string' && typeof data['manifest_sha256'] === 'string')
      hashes.set(data['path'], data['manifest_sha256']);
  }
  const { data } = await client.get<FineTuningJobCheckpointList>(`/v1/fine_tuning/jobs/${run.id}/checkpoints?limit=100`);
  const paths = data.map((checkpoint) => `checkpoints/step-${checkpoint.step_number}`);
  if (run.status === 'succeeded') paths.push('adapter');
  for (const path of paths) {
    await verifyArtifact(join(folder, path), hashes.get(path) ?? '').catch((error: unknown) => {
      throw new BrokenPromise('N4', `${path} of run ${run.id}: ${String(error)}`);
    });
  }
  if (run.status !== 'succeeded') return;
  const steps = readdirSync(join(folder, 'checkpoints')).filter((name) => name.startsWith('step-'));
  const unlisted = steps.filter((name) => !paths.includes(`checkpoints/${name}`));
  if (unlisted.length > 0) throw new BrokenPromise('N4', `run ${run.id} has ${unlisted.join(', ')}, which nobody lists`);
}

/** N3: the adapter of the undisturbed run. N7: a line of figures for each step, and the tokens of an undisturbed run. */
async function checkResult(client: Client, oracle: Oracle, run: TrainingRun): Promise<void> {
  const model = await client.get<Model>(`/v1/models/${encodeURIComponent(run.fine_tuned_model!)}`);
  oracle.adapterSha256 ??= model.x_sha256;
  if (model.x_sha256 !== oracle.adapterSha256) {
    throw new BrokenPromise(
      'N3',
      `run ${run.id} made adapter ${model.x_sha256} and not that of the undisturbed run, ${oracle.adapterSha256}`,
    );
  }
  const [file] = run.result_files;
  // A full disk may take the table of figures, and says so.
  if (file === undefined) return;
  const csv = await (await client.fetch(`/v1/files/${file}/content`)).text();
  const steps = csv
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => Number(line.split(',')[0]));
  if (!isGapless(steps) || steps.length !== run.total_steps)
    throw new BrokenPromise('N7', `the figures of run ${run.id} are of steps ${steps.join(', ')}`);
}

/** N6: said in full, or told to have failed, or broken off for a reason; never less under the name of all, nor anything else. */
function checkStream({ expected, text, end }: KnownStream, { streams }: Oracle, { faults }: Happened): void {
  // The model is asked the same each time and says the same, of which the longest answer shows most.
  const others = streams.filter((stream) => stream.expected === null).map((stream) => stream.text);
  const whole = expected ?? others.reduce((longest, one) => (one.length > longest.length ? one : longest), '');
  if (!whole.startsWith(text)) throw new BrokenPromise('N6', `a stream said ${JSON.stringify(text)} and not ${JSON.stringify(whole)}`);
  if (end === 'done' && expected !== null && text !== expected)
    throw new BrokenPromise('N6', `a stream ended well after ${text.length} of ${expected.length} characters`);
  if (end === 'error' && faults.length === 0) throw new BrokenPromise('N6', 'a stream failed, and nothing was done to the platform');
}

/** 1, 2, 3 … */
function isGapless(numbers: number[]): boolean {
  return numbers.every((number, index) => number === index + 1);
}
