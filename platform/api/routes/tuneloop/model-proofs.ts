/** /api/v1/models/{id}/…: whether a version answers as it was trained, what it was made of, whether its bytes are still those. */
import { ParityCertificate } from '#contract/parity.ts';
import { ModelReceipt, ModelVerification } from '#contract/receipt.ts';
import { verifyVersion } from '#platform/models/verify-version.ts';
import { getVersion } from '#platform/models/versions.ts';
import { makeReceipt } from '#platform/training/receipts.ts';
import { z } from 'zod';
import type { RouteGroup } from '../../api-server.ts';

const tags = ['models'];
const params = z.object({ model: z.string() });

export const modelProofRoutes: RouteGroup = (server, { certifier, config, database, versions }) => {
  const parity = { tags, summary: 'Whether a version answers as it was trained', params, response: { 200: ParityCertificate } };
  server.get('/api/v1/models/:model/parity', { schema: parity }, async (request) =>
    certifier.read(request.caller.projectId, request.params.model),
  );

  const measure = { ...parity, summary: 'Measure the parity of a version anew' };
  server.post('/api/v1/models/:model/parity', { schema: measure }, async (request) =>
    certifier.measure(request.caller.projectId, request.params.model),
  );

  const receipt = { tags, summary: 'What a version was made of', params, response: { 200: ModelReceipt } };
  server.get('/api/v1/models/:model/receipt', { schema: receipt }, async (request) => {
    const certificate = await certifier.read(request.caller.projectId, request.params.model);
    const version = await getVersion(versions, request.caller.projectId, request.params.model);
    return makeReceipt({ db: database.db, dataDir: config.data, costPerHour: config.cost_per_hour }, version, certificate);
  });

  const verify = { tags, summary: 'Read every byte of a model again', params, response: { 200: ModelVerification } };
  server.post('/api/v1/models/:model/verify', { schema: verify }, async (request): Promise<ModelVerification> => {
    const { projectId } = request.caller;
    const { model } = request.params;
    const files = await verifyVersion(versions, projectId, model);
    const certificate = versions.baseModels.catalog.some(({ id }) => id === model) ? null : await certifier.read(projectId, model);
    const ok = certificate?.state !== 'failed' && files.every(({ problem }) => problem === null);
    return { object: 'model.verification', model, ok, files, parity: certificate };
  });
};
