/** /api/v1/datasets/…/versions: check, fix, edit, split and convert; each of these makes a new version and leaves the old one as it is. */
import { z } from 'zod';
import {
  DataCheck,
  DataCheckRequest,
  DataConvertRequest,
  DataFixRequest,
  DataSplitRequest,
  DatasetVersion,
  RowEditRequest,
} from '#contract/datasets.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { checkVersion, keepReport } from '#platform/data/check-quality.ts';
import { convertVersion } from '#platform/data/convert-version.ts';
import { getDataset, getDatasetVersion, type DatasetVersionRow } from '#platform/data/datasets.ts';
import { editRow } from '#platform/data/edit-row.ts';
import { fixVersion } from '#platform/data/fix-version.ts';
import { splitVersion } from '#platform/data/split-version.ts';
import type { FastifyRequest } from 'fastify';
import type { Rooms, RouteGroup } from '../../api-server.ts';
import { dataModelOrNone } from '../../data-model.ts';
import { viewDatasetVersion } from '../../data-views.ts';

const tags = ['datasets'];
const params = z.object({ dataset: z.string().describe('Id or name.'), version: z.string().describe('Number, id or "latest".') });
const rowParams = params.extend({ row: z.coerce.number().int().min(1) });
const base = '/api/v1/datasets/:dataset/versions/:version';
const response = { 200: DatasetVersion };

export const datasetQualityRoutes: RouteGroup = (server, rooms) => {
  const { files } = rooms;
  const check = { tags, summary: 'Look for what is wrong with the rows', params, body: DataCheckRequest, response: { 200: DataCheck } };
  server.post(`${base}/check`, { schema: check }, async (request) => {
    const version = await versionOf(rooms, request);
    const { report } = await checkVersion(files, version, request.body, await dataModelOrNone(rooms, request.body.model));
    await keepReport(files, version, report);
    return report;
  });

  const last = { tags, summary: 'What the last check found', params, response: { 200: DataCheck } };
  server.get(`${base}/check`, { schema: last }, async (request) => {
    const { report } = await versionOf(rooms, request);
    if (report) return report;
    throw new PlatformError('invalid_state', 'This version has not been checked yet: POST to this address.');
  });

  const fix = { tags, summary: 'Mend what was found, as a new version', params, body: DataFixRequest, response };
  server.post(`${base}/fix`, { schema: fix }, async (request) => {
    const version = await versionOf(rooms, request);
    return view(rooms, await fixVersion(files, version, request.body, await dataModelOrNone(rooms, request.body.model)));
  });

  const split = {
    tags,
    summary: 'Split the rows by chance, a dataset for each part',
    params,
    body: DataSplitRequest,
    response: { 200: z.object({ object: z.literal('list'), data: z.array(DatasetVersion) }) },
  };
  server.post(`${base}/split`, { schema: split }, async (request) => {
    const made = await splitVersion(files, await versionOf(rooms, request), request.body);
    return { object: 'list' as const, data: await Promise.all(made.map((row) => view(rooms, row))) };
  });

  const convert = { tags, summary: 'Make rows of another kind, as a dataset of their own', params, body: DataConvertRequest, response };
  server.post(`${base}/convert`, { schema: convert }, async (request) =>
    view(rooms, await convertVersion(files, await versionOf(rooms, request), request.body)),
  );

  const edit = { tags, summary: 'Replace or drop one row, as a new version', params: rowParams, body: RowEditRequest, response };
  server.post(`${base}/rows/:row`, { schema: edit }, async (request) =>
    view(rooms, await editRow(files, await versionOf(rooms, request), request.params.row, request.body.value)),
  );
};

function versionOf({ files }: Rooms, request: FastifyRequest): Promise<DatasetVersionRow> {
  const { dataset, version } = request.params as z.output<typeof params>;
  return getDatasetVersion(files, request.caller.projectId, dataset, version);
}

async function view({ files }: Rooms, row: DatasetVersionRow): Promise<DatasetVersion> {
  const { name } = await getDataset(files, row.project_id, row.dataset_id);
  return viewDatasetVersion(row, name);
}
