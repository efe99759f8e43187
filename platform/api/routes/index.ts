/** The routes of the server. A new group: its file beside these, and a line here. */
import type { RouteGroup } from '../api-server.ts';
import { chatCompletionRoutes } from './openai/chat-completions.ts';
import { completionRoutes } from './openai/completions.ts';
import { fileRoutes } from './openai/files.ts';
import { fineTuningEventRoutes } from './openai/fine-tuning-events.ts';
import { fineTuningJobRoutes } from './openai/fine-tuning-jobs.ts';
import { modelRoutes } from './openai/models.ts';
import { baseModelRoutes } from './tuneloop/base-models.ts';
import { generateSocketRoutes } from './tuneloop/generate-socket.ts';
import { generateRoutes } from './tuneloop/generate.ts';
import { healthRoutes } from './tuneloop/health.ts';
import { metricsRoutes } from './tuneloop/metrics.ts';
import { openapiRoutes } from './tuneloop/openapi.ts';
import { tokenRoutes } from './tuneloop/tokens.ts';
import { trainingEventRoutes } from './tuneloop/training-events.ts';
import { trainingJobRoutes } from './tuneloop/training-jobs.ts';

export const routeGroups: RouteGroup[] = [
  fileRoutes,
  fineTuningJobRoutes,
  fineTuningEventRoutes,
  modelRoutes,
  chatCompletionRoutes,
  completionRoutes,
  generateRoutes,
  generateSocketRoutes,
  tokenRoutes,
  trainingJobRoutes,
  trainingEventRoutes,
  baseModelRoutes,
  healthRoutes,
  metricsRoutes,
  openapiRoutes,
];
