/** /api/v1/datasets: add, list, look at, rename and delete; and what a file would be read as. */
import { join } from 'node:path';
import { z } from 'zod';
import {
  DataDetection,
  Dataset,
  DatasetChange,
  DatasetList,
  DatasetListQuery,
  DatasetRequest,
  DatasetVersion,
  DetectRequest,
} from '#contract/datasets.ts';
import { rowValue } from '#platform/data/data-row.ts';
import { changeDataset, deleteDataset, getDataset, listDatasets, listVersions, type DatasetVersionRow } from '#platform/data/datasets.ts';
import { getFile, localPath } from '#platform/data/files.ts';
import { importFile } from '#platform/data/import-dataset.ts';
import { lookAt, openSource } from '#platform/data/read-source.ts';
import type { Rooms, RouteGroup } from '../../api-server.ts';
import { viewDataset, viewDatasetVersion } from '../../data-views.ts';
import { listPage } from '../../list-page.ts';
import { receiveDataset } from '../../receive-dataset.ts';

const tags = ['datasets'];
const params = z.object({ dataset: z.string().describe('Id or name.') });
const mostPreviewed = 5;

export const datasetRoutes: RouteGroup = (server, rooms) => {
  const { files, config } = rooms;
  const create = {
    tags,
    summary: 'Make a version of a dataset from an uploaded file',
    body: DatasetRequest,
    response: { 200: DatasetVersion },
  };
  server.post('/api/v1/datasets', { schema: create }, async (request) => {
    const { file_id, ...options } = request.body;
    return viewMade(rooms, await importFile(files, request.caller.projectId, file_id, options));
  });

  const upload = {
    tags,
    summary: 'Make a version of a dataset from a file (multipart form: file, name, description, format, container, columns)',
    consumes: ['multipart/form-data'],
    response: { 200: DatasetVersion },
  };
  server.post('/api/v1/datasets/upload', { schema: upload }, async (request) =>
    viewMade(rooms, await receiveDataset(files, join(config.data, 'uploads'), request)),
  );

  const detect = { tags, summary: 'What an uploaded file would be read as', body: DetectRequest, response: { 200: DataDetection } };
  server.post('/api/v1/datasets/detect', { schema: detect }, async (request) => {
    const { file_id, ...options } = request.body;
    const { filename } = await getFile(files, request.caller.projectId, file_id);
    return describeFile(await localPath(files, request.caller.projectId, file_id), filename, options);
  });

  const list = { tags, summary: 'List datasets, newest first', querystring: DatasetListQuery, response: { 200: DatasetList } };
  server.get('/api/v1/datasets', { schema: list }, async (request) => {
    const { data, hasMore } = await listDatasets(files, request.caller.projectId, request.query);
    const views = await Promise.all(data.map(async (row) => viewDataset(row, await listVersions(files, row.id))));
    return listPage(views, hasMore);
  });

  const retrieve = { tags, summary: 'Look at a dataset', params, response: { 200: Dataset } };
  server.get('/api/v1/datasets/:dataset', { schema: retrieve }, async (request) => {
    const row = await getDataset(files, request.caller.projectId, request.params.dataset);
    return viewDataset(row, await listVersions(files, row.id));
  });

  const change = { tags, summary: 'Rename or describe a dataset', params, body: DatasetChange, response: { 200: Dataset } };
  server.patch('/api/v1/datasets/:dataset', { schema: change }, async (request) => {
    const row = await changeDataset(files, request.caller.projectId, request.params.dataset, request.body);
    return viewDataset(row, await listVersions(files, row.id));
  });

  const deleted = z.object({ id: z.string(), object: z.literal('dataset'), deleted: z.literal(true) });
  const remove = { tags, summary: 'Delete a dataset with all its versions', params, response: { 200: deleted } };
  server.delete('/api/v1/datasets/:dataset', { schema: remove }, async (request) => {
    const { id } = await deleteDataset(files, request.caller.projectId, request.params.dataset);
    return { id, object: 'dataset' as const, deleted: true as const };
  });
};

async function viewMade({ files }: Rooms, row: DatasetVersionRow): Promise<DatasetVersion> {
  const { name } = await getDataset(files, row.project_id, row.dataset_id);
  return viewDatasetVersion(row, name);
}

async function describeFile(path: string, filename: string, options: Parameters<typeof lookAt>[2]): Promise<DataDetection> {
  const { container, detected, sample } = await lookAt(path, filename, options);
  const columns = new Set(sample.flatMap((row) => (typeof row === 'object' && row !== null ? Object.keys(row) : [])));
  const format = options?.format ?? detected.format;
  const preview: unknown[] = [];
  if (format !== null) {
    const source = await openSource(path, filename, { ...options, container, format });
    for await (const { row } of source.rows()) if (preview.push(rowValue(row)) === mostPreviewed) break;
  }
  return { container, ...detected, looked_at: sample.length, columns: [...columns].slice(0, 200), preview };
}
