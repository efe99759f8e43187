/** MLflow over its REST API (https://mlflow.org/docs/latest/rest-api.html), and the adapter over its artifact proxy. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { z } from 'zod';
import { defineDriver } from '#platform/core/driver.ts';
import { TrackerRefused, type TrackedEnd, type TrackedFigures, type TrackedPlace, type TrackedRun, type Tracker } from '../tracker.ts';

export const driver = defineDriver({
  options: z.object({
    tracking_uri: z
      .url({ protocol: /^https?$/, error: 'TUNELOOP_MLFLOW_TRACKING_URI takes the address of the server, such as http://127.0.0.1:5000' })
      .transform((address) => address.replace(/\/+$/, '')),
    experiment: z.string().min(1),
    token: z.string().optional().describe('Bearer token; a name and password go into the address.'),
  }),
  open: async (options): Promise<Tracker> => new MlflowTracker(options.tracking_uri, options.experiment, options.token),
});

/** What MLflow takes in one request. */
const most = { metrics: 1000, params: 100, paramLength: 6000 };
/** By this tag a run is found again whose id was lost on the way. */
const idTag = 'tuneloop.run_id';
const statusOf = { succeeded: 'FINISHED', failed: 'FAILED', cancelled: 'KILLED' } as const;
/** An answer that will be the same next time. */
const lasting: readonly number[] = [400, 401, 403, 404, 405, 413];

const Place = z.object({ run_id: z.string(), artifact_uri: z.string() });
const Run = z.object({ info: Place });

class MlflowTracker implements Tracker {
  readonly name = 'mlflow';
  readonly #address: string;
  readonly #experiment: string;
  readonly #headers: Record<string, string>;

  constructor(address: string, experiment: string, token: string | undefined) {
    const { username, password } = new URL(address);
    const basic =
      username === '' ? null : Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
    this.#address = address.replace(/\/\/[^/@]*@/, '//');
    this.#experiment = experiment;
    this.#headers = token ? { authorization: `Bearer ${token}` } : basic ? { authorization: `Basic ${basic}` } : {};
  }

  async begin(run: TrackedRun, place: TrackedPlace | null, signal: AbortSignal): Promise<TrackedPlace> {
    if (place) return place;
    const experiment = await this.#experimentId(run.wishes.project ?? this.#experiment, signal);
    const begun = (await this.#findRun(experiment, run.id, signal)) ?? (await this.#createRun(experiment, run, signal));
    const params = Object.entries(run.parameters).map(([key, value]) => ({ key, value: value.slice(0, most.paramLength) }));
    for (let at = 0; at < params.length; at += most.params)
      await this.#post('runs/log-batch', { run_id: begun.run_id, params: params.slice(at, at + most.params) }, signal);
    return begun;
  }

  async log(_run: TrackedRun, place: TrackedPlace, figures: TrackedFigures[], signal: AbortSignal): Promise<void> {
    const { run_id } = Place.parse(place);
    const metrics = figures.flatMap(({ step, at, values }) =>
      Object.entries(values).map(([key, value]) => ({ key, value, step, timestamp: at.getTime() })),
    );
    // The same figure of the same time at the same step is kept once.
    for (let at = 0; at < metrics.length; at += most.metrics)
      await this.#post('runs/log-batch', { run_id, metrics: metrics.slice(at, at + most.metrics) }, signal);
  }

  async end(_run: TrackedRun, place: TrackedPlace, { state, at, model, artifact }: TrackedEnd, signal: AbortSignal): Promise<void> {
    const { run_id, artifact_uri } = Place.parse(place);
    const tags = model === null ? [] : [{ key: 'tuneloop.model', value: model }];
    if (tags.length > 0) await this.#post('runs/log-batch', { run_id, tags }, signal);
    const proxied = /^mlflow-artifacts:(?:\/\/[^/]*)?\/(.*)$/.exec(artifact_uri)?.[1];
    // A store that only its own clients can write to is told where the adapter is instead.
    if (artifact && proxied !== undefined) for (const file of artifact.files) await this.#putFile(proxied, artifact.folder, file, signal);
    else if (artifact) await this.#post('runs/log-batch', { run_id, tags: [{ key: 'tuneloop.adapter', value: artifact.folder }] }, signal);
    await this.#post('runs/update', { run_id, status: statusOf[state], end_time: at.getTime() }, signal);
  }

  async close(): Promise<void> {}

  async #experimentId(name: string, signal: AbortSignal): Promise<string> {
    const path = `experiments/get-by-name?experiment_name=${encodeURIComponent(name)}`;
    const found = await this.#ask(`/api/2.0/mlflow/${path}`, { method: 'GET' }, signal, [404]);
    if (found) return z.object({ experiment: z.object({ experiment_id: z.string() }) }).parse(found).experiment.experiment_id;
    const made = await this.#post('experiments/create', { name }, signal);
    return z.object({ experiment_id: z.string() }).parse(made).experiment_id;
  }

  async #findRun(experiment: string, runId: string, signal: AbortSignal): Promise<z.infer<typeof Place> | null> {
    const filter = `tags."${idTag}" = '${runId}'`;
    const found = await this.#post('runs/search', { experiment_ids: [experiment], filter, max_results: 1 }, signal);
    return z.object({ runs: z.array(Run).default([]) }).parse(found).runs[0]?.info ?? null;
  }

  async #createRun(experiment: string, run: TrackedRun, signal: AbortSignal): Promise<z.infer<typeof Place>> {
    const tags = Object.entries({ ...run.tags, [idTag]: run.id }).map(([key, value]) => ({ key, value }));
    const body = { experiment_id: experiment, run_name: run.wishes.name ?? run.name, start_time: run.startedAt.getTime(), tags };
    return z.object({ run: Run }).parse(await this.#post('runs/create', body, signal)).run.info;
  }

  async #putFile(folder: string, from: string, name: string, signal: AbortSignal): Promise<void> {
    const path = join(from, name);
    const { size } = await stat(path);
    // The stream of Node's own types, and that of a browser's, which the dashboard is checked with, differ in name alone.
    const body = Readable.toWeb(createReadStream(path)) as unknown as NonNullable<RequestInit['body']>;
    const sent = { method: 'PUT', body, duplex: 'half', headers: { 'content-length': String(size) } } as const;
    await this.#ask(`/api/2.0/mlflow-artifacts/artifacts/${folder}/adapter/${encodeURIComponent(name)}`, sent, signal);
  }

  async #post(path: string, body: object, signal: AbortSignal): Promise<unknown> {
    const headers = { 'content-type': 'application/json' };
    return this.#ask(`/api/2.0/mlflow/${path}`, { method: 'POST', body: JSON.stringify(body), headers }, signal);
  }

  /** The JSON of an answer; null for a status of `absent`. */
  async #ask(path: string, sent: RequestInit, signal: AbortSignal, absent: readonly number[] = []): Promise<unknown> {
    const headers = { ...this.#headers, ...(sent.headers as Record<string, string> | undefined) };
    const response = await fetch(this.#address + path, { ...sent, headers, signal });
    const text = await response.text();
    if (response.ok) return text === '' ? {} : JSON.parse(text);
    if (absent.includes(response.status)) return null;
    const message = `MLflow answered ${response.status} to ${sent.method} ${path}: ${text.slice(0, 300)}`;
    throw lasting.includes(response.status) ? new TrackerRefused(message) : new Error(message);
  }
}
