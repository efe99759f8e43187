/** The routes of the server. A new group: its file beside these, and a line here. */
import type { RouteGroup } from '../api-server.ts';
import { chatCompletionRoutes } from './openai/chat-completions.ts';
import { completionRoutes } from './openai/completions.ts';
import { fileRoutes } from './openai/files.ts';
import { fineTuningEventRoutes } from './openai/fine-tuning-events.ts';
import { fineTuningJobRoutes } from './openai/fine-tuning-jobs.ts';
import { graderRoutes } from './openai/graders.ts';
import { modelRoutes } from './openai/models.ts';
import { uploadRoutes } from './openai/uploads.ts';
import { aliasRoutes } from './tuneloop/aliases.ts';
import { baseModelRoutes } from './tuneloop/base-models.ts';
import { datasetQualityRoutes } from './tuneloop/dataset-quality.ts';
import { datasetVersionRoutes } from './tuneloop/dataset-versions.ts';
import { datasetRoutes } from './tuneloop/datasets.ts';
import { exampleRoutes } from './tuneloop/examples.ts';
import { generateSocketRoutes } from './tuneloop/generate-socket.ts';
import { generateRoutes } from './tuneloop/generate.ts';
import { healthRoutes } from './tuneloop/health.ts';
import { metricsRoutes } from './tuneloop/metrics.ts';
import { modelExportRoutes } from './tuneloop/model-exports.ts';
import { modelProofRoutes } from './tuneloop/model-proofs.ts';
import { openapiRoutes } from './tuneloop/openapi.ts';
import { probeStreamRoutes } from './tuneloop/probe-stream.ts';
import { probeRoutes } from './tuneloop/probes.ts';
import { planRoutes } from './tuneloop/plans.ts';
import { replayRoutes } from './tuneloop/replays.ts';
import { sessionRoutes } from './tuneloop/session.ts';
import { tokenRoutes } from './tuneloop/tokens.ts';
import { trainingEventRoutes } from './tuneloop/training-events.ts';
import { trainingJobRoutes } from './tuneloop/training-jobs.ts';
import { trainingSeriesRoutes } from './tuneloop/training-series.ts';
import { trainingSteeringRoutes } from './tuneloop/training-steering.ts';

export const routeGroups: RouteGroup[] = [
  fileRoutes,
  uploadRoutes,
  fineTuningJobRoutes,
  fineTuningEventRoutes,
  graderRoutes,
  modelRoutes,
  chatCompletionRoutes,
  completionRoutes,
  generateRoutes,
  generateSocketRoutes,
  tokenRoutes,
  trainingJobRoutes,
  planRoutes,
  trainingEventRoutes,
  trainingSeriesRoutes,
  trainingSteeringRoutes,
  probeRoutes,
  probeStreamRoutes,
  baseModelRoutes,
  datasetRoutes,
  datasetVersionRoutes,
  datasetQualityRoutes,
  exampleRoutes,
  aliasRoutes,
  modelProofRoutes,
  modelExportRoutes,
  replayRoutes,
  sessionRoutes,
  healthRoutes,
  metricsRoutes,
  openapiRoutes,
];
