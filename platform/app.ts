/** The one place where settings become open drivers and rooms; everything else is handed what it needs. */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pino, type Logger } from 'pino';
import type { ModelEntry } from '#contract/model.ts';
import { projectRoot, type Config } from './config.ts';
import { openDriver } from './core/driver.ts';
import { PlatformError } from './core/errors.ts';
import { isLoopback } from './core/loopback.ts';
import { deleteExpiredFiles, type Files } from './data/files.ts';
import { sharedRowTokenizer } from './data/row-tokenizers.ts';
import { deleteOverParts } from './data/uploads.ts';
import { Certifier } from './evaluation/certifier.ts';
import { Exporter } from './exports/exporter.ts';
import type { Engine, ServedVersion } from './inference/engine.ts';
import { engines as engineDrivers } from './inference/engines/index.ts';
import { baseModelState, openBaseModels, requireBaseModel, type BaseModels } from './models/base-models.ts';
import { getVersion, resolveModel, type Versions } from './models/versions.ts';
import { createMetrics, type Metrics } from './monitoring/metrics.ts';
import type { Tracker } from './monitoring/tracker.ts';
import { trackers as trackerDrivers } from './monitoring/trackers/index.ts';
import { openDatabase, type OpenDatabase } from './storage/database.ts';
import { ensureOwnerKey } from './storage/keys.ts';
import { objectStores } from './storage/object-stores/index.ts';
import type { Launcher } from './training/launcher.ts';
import { launchers } from './training/launchers/index.ts';
import { startReconciler } from './training/reconcile.ts';
import { openTraining, type Training } from './training/training.ts';

export interface Engines {
  /** What the settings name. */
  main: Engine;
  all: Engine[];
  /** What answers for a model of the catalogue, or for what was trained of it. */
  of(entry: ModelEntry, served: Pick<ServedVersion, 'adapter'>): Engine;
  /** Other servers, by the name that their models begin with. */
  upstreams: Map<string, Engine>;
}

export interface App {
  config: Config;
  log: Logger;
  /** The owner key that was just made; shown once, kept nowhere. */
  createdKey: string | null;
  database: OpenDatabase;
  files: Files;
  baseModels: BaseModels;
  versions: Versions;
  training: Training;
  certifier: Certifier;
  exporter: Exporter;
  engines: Engines;
  metrics: Metrics;
  /** Whether the worker has its libraries and base model loaded, so that a job starts at once. */
  isWorkerWarm(): boolean;
  /** Lets go of everything in turn; running training goes on and is found again at the next start. */
  close(): Promise<void>;
}

/** Expired files are out of reach at once; their bytes go within the hour. */
const sweepMs = 3_600_000;

/** Throws `setting_invalid`, `data_locked`, `database_unavailable`. What was opened before a failure is closed again. */
export async function openApp(config: Config): Promise<App> {
  refuseOpenNetwork(config);
  const opened = new AsyncDisposableStack();
  try {
    return await openRooms(config, opened);
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}

/** Whatever is opened goes on the stack at once, and is closed in the opposite order. */
async function openRooms(config: Config, opened: AsyncDisposableStack): Promise<App> {
  // Standard output belongs to the command line.
  const log = pino({ level: config.log_level }, pino.destination(2));
  const database = await openDatabase(config);
  opened.defer(() => database.close());
  const { created } = config.open ? { created: null } : await ensureOwnerKey(database.db, config.key);
  // Uploads that a crash cut short: the lock of PGlite says that nobody else is receiving any.
  if (database.kind === 'pglite') await rm(join(config.data, 'uploads'), { recursive: true, force: true });
  // So were measurements: a plan that was being made is made again.
  if (database.kind === 'pglite') await rm(join(config.data, 'plans'), { recursive: true, force: true });

  const objects = await openDriver(objectStores, { driver: 'disk', folder: join(config.data, 'objects') });
  const files: Files = { db: database.db, objects, maxUploadBytes: config.max_upload_mb * 2 ** 20 };
  const baseModels = openBaseModels(config);
  const versions: Versions = { db: database.db, dataDir: config.data, baseModels };
  const engines = await openEngines(config);
  opened.defer(async () => {
    for (const engine of engines.all) await engine.close();
  });

  const launcher = await openDriver(launchers, { driver: config.launcher, python: config.python, data: config.data, root: projectRoot });
  opened.defer(() => launcher.close());
  const rooms = { config, log, createdKey: created, database, files, baseModels, versions, engines, metrics: createMetrics() };
  const engineOf: Engines['of'] = (entry, served) => engines.of(entry, served);
  const certifier = new Certifier({ db: database.db, versions, files, launcher, engineOf, log });
  await certifier.open();
  opened.defer(() => certifier.close());
  const exporter = new Exporter({ db: database.db, files, versions, launcher, dataDir: config.data, quantizers: config.quantizers, log });
  await exporter.open();
  opened.defer(() => exporter.close());
  const training = openTrainingRoom(rooms, launcher, certifier, await openTrackers(config));
  await training.reporter.open();
  opened.defer(() => training.reporter.close());
  const reconciler = startReconciler(training);
  opened.defer(() => reconciler.close());
  opened.defer(() => training.plans.close());
  opened.use(sweepExpiredFiles(rooms));
  let isWarm = false;
  void warmUp(config, training, engines.main).then((warm) => (isWarm = warm));

  return { ...rooms, training, certifier, exporter, isWorkerWarm: () => isWarm, close: () => opened.disposeAsync() };
}

type BelowTraining = Omit<App, 'training' | 'isWorkerWarm' | 'close' | 'certifier' | 'exporter'>;

function openTrainingRoom(
  { config, log, database, files, baseModels, versions, engines }: BelowTraining,
  launcher: Launcher,
  certifier: Certifier,
  trackers: Tracker[],
): Training {
  return openTraining({
    db: database.db,
    files,
    versions,
    baseModels,
    launcher,
    dataDir: config.data,
    maxRuns: config.max_runs,
    costPerHour: config.cost_per_hour,
    graderSandbox: config.grader_sandbox,
    // The lock of PGlite lets one process in; on PostgreSQL several may share the runs.
    owner: database.kind === 'pglite' ? 'local' : randomUUID(),
    onLastStep: async ({ base_model: base }, id, adapter) => {
      const { entry, modelDir, ggufFile } = await requireBaseModel(baseModels, base);
      const served = { id, base, baseFile: ggufFile, modelDir, adapter };
      if (ggufFile !== null) await engines.of(entry, served).load(served);
    },
    onVersion: async (version) => {
      const { method } = await getVersion(versions, version.project_id, version.id);
      if (method === 'reward') return;
      const { served, entry } = await resolveModel(versions, version.project_id, version.id);
      await engines.of(entry, served).load(served);
      if (config.parity) await certifier.queue(version, true);
    },
    trackers,
    log,
  });
}

function openTrackers(config: Config): Promise<Tracker[]> {
  const options: Record<string, object> = {
    jsonl: { folder: join(config.data, 'trackers') },
    mlflow: { tracking_uri: config.mlflow_tracking_uri, experiment: config.mlflow_experiment, token: config.mlflow_token },
    wandb: {
      python: config.wandb_python,
      root: projectRoot,
      folder: join(config.data, 'trackers', 'wandb'),
      project: config.wandb_project,
      mode: config.wandb_mode,
      key: config.wandb_key,
      base_url: config.wandb_base_url,
    },
  };
  const names = [...new Set(config.trackers.split(',').map((name) => name.trim()))].filter((name) => name !== '');
  return Promise.all(names.map((name) => openDriver<Tracker>(trackerDrivers, { driver: name, ...options[name] })));
}

function sweepExpiredFiles({ files, log }: BelowTraining): Disposable {
  const sweep = setInterval(() => {
    const swept = Promise.all([deleteExpiredFiles(files), deleteOverParts(files)]);
    swept.catch((error: unknown) => log.warn({ err: error }, 'expired files could not be deleted'));
  }, sweepMs).unref();
  return { [Symbol.dispose]: () => clearInterval(sweep) };
}

function refuseOpenNetwork(config: Config): void {
  if (!config.open || isLoopback(config.host)) return;
  throw new PlatformError(
    'setting_invalid',
    `TUNELOOP_OPEN switches keys off, and TUNELOOP_HOST is ${config.host}: anyone could use this server. Set TUNELOOP_HOST=127.0.0.1, or leave TUNELOOP_OPEN out.`,
  );
}

/**
 * Beside the chosen engine always stand the scripted one, whose the model "scripted" is, and the worker's libraries, which answer for
 * what llama.cpp cannot load: their process starts when such a version is first asked.
 */
async function openEngines(config: Config): Promise<Engines> {
  const scripted = await openDriver(engineDrivers, { driver: 'scripted' });
  const transformers = await openDriver(engineDrivers, { ...engineSettings(config), driver: 'transformers' });
  const known: Record<string, Engine> = { scripted, transformers };
  const main = known[config.engine] ?? (await openDriver(engineDrivers, engineSettings(config)));
  const upstreams = new Map<string, Engine>();
  for (const { name, base_url, api_key, models } of config.upstreams) {
    upstreams.set(name, await openDriver(engineDrivers, { driver: 'openai-compatible', name, base_url, api_key, models }));
  }
  return {
    main,
    all: [...new Set([main, scripted, transformers]), ...upstreams.values()],
    upstreams,
    of: (entry, { adapter }) => {
      if (entry.source.type === 'scripted') return scripted;
      return adapter === null || adapter.file.endsWith('.gguf') ? main : transformers;
    },
  };
}

function engineSettings(config: Config) {
  return {
    driver: config.engine,
    threads: config.engine_threads,
    slots: config.engine_slots,
    context: config.engine_context,
    versions: config.engine_versions,
    queue: config.engine_queue,
    python: config.python,
    root: projectRoot,
  };
}

/** Libraries, base model and tokenizer are loaded before the first job and the first question ask for them. False when there is nothing to load, or the worker could not. */
async function warmUp(config: Config, training: Training, engine: Engine): Promise<boolean> {
  const id = config.warm_model;
  try {
    if (id === 'none' || baseModelState(training.baseModels, id) === 'absent') return false;
    const { entry, modelDir, ggufFile } = await requireBaseModel(training.baseModels, id);
    const loads = ggufFile !== null && entry.source.type !== 'scripted';
    const serving = loads ? engine.load({ id, base: id, baseFile: ggufFile, modelDir, adapter: null }) : Promise.resolve();
    const coldly = (what: string) => (error: unknown) => sayCold(training, what, id, error);
    const checking = sharedRowTokenizer(modelDir).then(({ tokenize }) => void tokenize({ text: id }));
    await Promise.all([serving.catch(coldly('engine')), checking.catch(coldly('tokenizer')), training.launcher.warm(modelDir)]);
    return true;
  } catch (error) {
    sayCold(training, 'worker', id, error);
    return false;
  }
}

function sayCold(training: Training, what: string, id: string, error: unknown): void {
  training.log.warn({ err: error }, `the ${what} could not be warmed with ${id}; what it is first asked for will take longer`);
}
