/** What clients do during a round, all at once: upload, train, steer, watch, ask and promote; each keeps what it was told. */
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { terminalStates } from '#contract/training.ts';
import type { Alias } from '#contract/alias.ts';
import type { FileObject } from '#contract/openai/files.ts';
import type { Model } from '#contract/openai/models.ts';
import type { Upload, UploadPart } from '#contract/openai/uploads.ts';
import type { TrainingRun, TrainingRunEvent } from '#contract/training-run.ts';
import { BrokenPromise, type Client } from './client.ts';
import type { KnownRun, KnownStream, Oracle } from './oracle.ts';
import type { Random } from './random.ts';
import { baseModel, type World } from './world.ts';

export interface Stage {
  world: World;
  client: Client;
  oracle: Oracle;
  random: Random;
  round: number;
  trainingFile: string;
}

/** All of it is frozen, so that two runs of it are the same run. */
export const savedEvery = 10;
const frozen = { n_epochs: 8, batch_size: 2, gradient_accumulation_steps: 1, learning_rate: 0.01, save_steps: savedEvery, threads: 1 };
const adapter = { r: 4, target_modules: ['q_proj', 'v_proj'], layers_to_transform: null, lora_dropout: 0.1 };
export const frozenRun = {
  model: baseModel,
  seed: 5,
  extensions: { ...frozen, save_total_limit: 100, adapter, probes: { enabled: false } },
};
/** A run that has not ended so long after everything was mended never will. */
const runMs = 180_000;
export const aliasName = 'chaos';

/** Submitted many times at once with one key, and followed to its end. */
export async function train(stage: Stage, number: number): Promise<void> {
  const { client, random, round, oracle } = stage;
  const label = `round-${round}-${number}`;
  const body = { ...frozenRun, training_file: stage.trainingFile, metadata: { label } };
  const copies = random.chance(0.3) ? random.between(2, 20) : 1;
  const answers = await Promise.all(
    Array.from({ length: copies }, () => client.ask<TrainingRun>('/v1/fine_tuning/jobs', { body, key: label })),
  );
  for (const answer of answers) if (answer.status !== 200) throw new BrokenPromise('N1', `${label}: ${JSON.stringify(answer.body)}`);
  const ids = new Set(answers.map((answer) => answer.body.id));
  if (ids.size !== 1) throw new BrokenPromise('N2', `${label} is ${ids.size} runs: ${[...ids].join(', ')}`);
  const run: KnownRun = { id: [...ids][0]!, label, round, wasCancelled: false, seen: [] };
  oracle.runs.push(run);
  const other = await client.ask('/v1/fine_tuning/jobs', { body: { ...body, seed: 6 }, key: label });
  if (other.status !== 422) throw new BrokenPromise('N2', `${label} with another body was answered ${other.status}`);
  const watching = watch(stage, run);
  await Promise.all([steer(stage, run), untilEnded(stage, run), watching]);
}

async function untilEnded({ client }: Stage, { id }: KnownRun): Promise<void> {
  const untilMs = performance.now() + runMs;
  for (;;) {
    const run = await client.get<TrainingRun>(`/api/v1/training/jobs/${id}`);
    if (terminalStates.includes(run.status)) return;
    if (run.status === 'paused') await client.ask(`/v1/fine_tuning/jobs/${id}/resume`, { method: 'POST' });
    if (performance.now() > untilMs) throw new BrokenPromise('N5', `run ${id} is ${run.status} at step ${run.step} and does not end`);
    await wait(150);
  }
}

async function steer({ client, random }: Stage, run: KnownRun): Promise<void> {
  const asks = random.chance(0.4) ? Array.from({ length: random.between(1, 4) }, () => random.pick(['pause', 'resume', 'pause'])) : [];
  if (random.chance(0.15)) asks.push('cancel');
  for (const ask of asks) {
    await wait(random.between(0, 900));
    const { status } = await client.ask<TrainingRun>(`/v1/fine_tuning/jobs/${run.id}/${ask}`, { method: 'POST' });
    if (ask === 'cancel' && status === 200) run.wasCancelled = true;
  }
}

/** By server-sent events, from where the connection broke. */
async function watch({ client }: Stage, run: KnownRun): Promise<void> {
  const untilMs = performance.now() + runMs;
  while (performance.now() < untilMs) {
    try {
      const path = `/api/v1/training/jobs/${run.id}/events/stream?after=${run.seen.at(-1) ?? 0}`;
      const answer = await client.fetch(path, { signal: AbortSignal.timeout(runMs) });
      if (answer.status === 204) return;
      if (answer.status === 200) {
        for await (const data of framesOf(answer)) if (data !== '{}') run.seen.push((JSON.parse(data) as TrainingRunEvent).seq);
      }
    } catch {
      // The connection broke: it goes on after the last event.
    }
    await wait(100);
  }
  throw new BrokenPromise('N7', `the events of run ${run.id} do not come to an end`);
}

/** Whole, in parts, and with its connection cut on the way. */
export async function upload({ client, oracle, random, world, round }: Stage, number: number): Promise<void> {
  const filename = `round-${round}-${number}.bin`;
  const content = random.bytes(random.between(1, 120_000));
  const sha256 = createHash('sha256').update(content).digest('hex');
  const purpose = 'user_data';
  for (let cuts = random.between(0, 3); cuts > 0; cuts--) await sendAndCut(world, content, random.between(0, content.length));
  if (random.chance(0.5)) {
    const answer = await client.ask<FileObject>('/v1/files', { body: form('file', content, filename, purpose), key: filename });
    if (answer.status !== 200) throw new BrokenPromise('N1', `${filename}: ${JSON.stringify(answer.body)}`);
    oracle.files.push({ id: answer.body.id, filename, sha256 });
    return;
  }
  const begin = { filename, purpose, bytes: content.length, mime_type: 'application/octet-stream' };
  const { id } = (await client.ask<Upload>('/v1/uploads', { body: begin, key: filename })).body;
  const part_ids: string[] = [];
  const partBytes = Math.ceil(content.length / random.between(1, 4));
  for (let at = 0; at < content.length; at += partBytes) {
    const body = form('data', content.subarray(at, at + partBytes), 'part');
    const part = await client.ask<UploadPart & { error?: { message: string } }>(`/v1/uploads/${id}/parts`, { body });
    // The clock may have jumped over the hour that an upload has.
    if (part.body.error?.message.includes('expired')) return;
    part_ids.push(part.body.id);
  }
  const done = await client.ask<Upload & { error?: { message: string } }>(`/v1/uploads/${id}/complete`, { body: { part_ids } });
  if (done.body.error?.message.includes('expired')) return;
  if (!done.body.file) throw new BrokenPromise('N1', `${filename}: ${JSON.stringify(done.body)}`);
  oracle.files.push({ id: done.body.file.id, filename, sha256 });
}

function form(name: string, content: Buffer, filename: string, purpose?: string): FormData {
  const sent = new FormData();
  sent.set(name, new Blob([new Uint8Array(content)]), filename);
  if (purpose !== undefined) sent.set('purpose', purpose);
  return sent;
}

/** The beginning of a form that never ends: nothing of it may ever be seen. */
async function sendAndCut({ url, key }: World, content: Buffer, bytes: number): Promise<void> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve));
  const fields = `authorization: Bearer ${key}\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: ${content.length + 500}`;
  socket.write(`POST /v1/files HTTP/1.1\r\nhost: here\r\n${fields}\r\n\r\n`);
  socket.write('--b\r\ncontent-disposition: form-data; name="file"; filename="cut.bin"\r\n\r\n');
  await new Promise((resolve) => socket.write(content.subarray(0, bytes), resolve));
  socket.destroy();
}

/** A chat as a stream; some are left in the middle. */
export async function chat(stage: Stage): Promise<void> {
  const { client, oracle, random, round, world } = stage;
  await wait(random.between(0, 1500));
  const words = random.between(5, 40);
  const text = Array.from({ length: words }, (_, index) => `word-${index} `).join('');
  const isScripted = world.kind.engine === 'scripted';
  const content = isScripted ? JSON.stringify({ scripted: { text, delay_ms: random.between(5, 40) } }) : 'is it red now?';
  const stream: KnownStream = { round, expected: isScripted ? text : null, text: '', end: 'broken' };
  const model = isScripted ? 'scripted' : baseModel;
  const body = { model, stream: true, temperature: 0, max_tokens: isScripted ? words * 8 : 48, messages: [{ role: 'user', content }] };
  const leaveAfter = random.chance(0.25) ? random.between(1, words) : Infinity;
  let frames = 0;
  try {
    const answer = await client.fetch('/v1/chat/completions', { body, signal: AbortSignal.timeout(60_000) });
    if (answer.status !== 200) return;
    for await (const data of framesOf(answer)) {
      if (data === '[DONE]') stream.end = 'done';
      else if (data.startsWith('{"error"')) stream.end = 'error';
      else stream.text += (JSON.parse(data) as { choices: { delta: { content?: string } }[] }).choices[0]?.delta.content ?? '';
      if (++frames > leaveAfter) break;
    }
  } catch {
    // No answer, or it broke off.
  }
  oracle.streams.push(stream);
}

async function* framesOf(answer: Response): AsyncIterable<string> {
  let text = '';
  for await (const piece of answer.body!.pipeThrough(new TextDecoderStream())) {
    text += piece;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const data = /^data: (.*)$/m.exec(text.slice(0, end))?.[1];
      text = text.slice(end + 2);
      if (data !== undefined) yield data;
    }
  }
}

/** Points the alias at one of the versions that are there. */
export async function promote({ client, oracle, random }: Stage): Promise<void> {
  const { data } = await client.get<{ data: Model[] }>('/v1/models');
  const model = random.pick(data.filter((one) => one.x_kind === 'adapter' || one.id === baseModel)).id;
  const answer = await client.ask<Alias>(`/api/v1/aliases/${aliasName}`, { method: 'PUT', body: { model } });
  if (answer.status !== 200) throw new BrokenPromise('N1', `the alias was not pointed at ${model}: ${JSON.stringify(answer.body)}`);
  oracle.promotions.push({ revision: answer.body.revision, model: answer.body.model });
}
