/** /api/v1/datasets/…/versions: look at versions, their rows and figures, compare and export them. */
import { Readable } from 'node:stream';
import { z } from 'zod';
import {
  DataDiff,
  DataRowList,
  DataRowsQuery,
  DatasetVersion,
  DatasetVersionList,
  DataStats,
  RowXray,
  TokenStats,
} from '#contract/datasets.ts';
import { DataContainer, DataFormat } from '#contract/row-formats.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { rowValue } from '#platform/data/data-row.ts';
import { findVersion, getDataset, getDatasetVersion, listVersions, type DatasetVersionRow } from '#platform/data/datasets.ts';
import { diffVersions } from '#platform/data/diff-versions.ts';
import { exportRows } from '#platform/data/export-rows.ts';
import { pickRows, rowPage, type NumberedRow } from '#platform/data/read-version.ts';
import { tokenStats } from '#platform/data/token-stats.ts';
import { xrayRow } from '#platform/data/xray-row.ts';
import { RowScorer } from '#platform/evaluation/score-row.ts';
import type { Rooms, RouteGroup } from '../../api-server.ts';
import { dataModel, dataModelOrNone, usualModel } from '../../data-model.ts';
import { viewDatasetVersion } from '../../data-views.ts';
import { listPage } from '../../list-page.ts';
import { tunedModel, withLosses } from '../../xray-losses.ts';

const tags = ['datasets'];
const dataset = z.string().describe('Id or name.');
const params = z.object({ dataset, version: z.string().describe('Number, id or "latest".') });
const rowParams = params.extend({ row: z.coerce.number().int().min(1) });
const base = '/api/v1/datasets/:dataset/versions';
const mostShown = 50;

const types: Record<DataContainer, string> = {
  jsonl: 'application/jsonl',
  json: 'application/json',
  csv: 'text/csv; charset=utf-8',
  parquet: 'application/vnd.apache.parquet',
};

export const datasetVersionRoutes: RouteGroup = (server, rooms) => {
  const { files } = rooms;
  const list = {
    tags,
    summary: 'List the versions of a dataset, newest first',
    params: z.object({ dataset }),
    response: { 200: DatasetVersionList },
  };
  server.get(base, { schema: list }, async (request) => {
    const { id, name } = await getDataset(files, request.caller.projectId, request.params.dataset);
    return listPage(
      (await listVersions(files, id)).map((row) => viewDatasetVersion(row, name)),
      false,
    );
  });

  const retrieve = { tags, summary: 'Look at a version', params, response: { 200: DatasetVersion } };
  server.get(`${base}/:version`, { schema: retrieve }, async (request) => {
    const { name } = await getDataset(files, request.caller.projectId, request.params.dataset);
    return viewDatasetVersion(
      await getDatasetVersion(files, request.caller.projectId, request.params.dataset, request.params.version),
      name,
    );
  });

  const rows = { tags, summary: 'Rows of a version, a page at a time', params, querystring: DataRowsQuery, response: { 200: DataRowList } };
  server.get(`${base}/:version/rows`, { schema: rows }, async (request) => {
    const version = await getDatasetVersion(files, request.caller.projectId, request.params.dataset, request.params.version);
    return pageOfRows(rooms, version, request.query);
  });

  const statsAnswer = DataStats.extend({ tokens: TokenStats.nullable() });
  const modelQuery = z.object({ model: z.string().optional() });
  const stats = {
    tags,
    summary: 'Figures of a version; tokens by the tokenizer of a model',
    params,
    querystring: modelQuery,
    response: { 200: statsAnswer },
  };
  server.get(`${base}/:version/stats`, { schema: stats }, async (request) => {
    const version = await getDatasetVersion(files, request.caller.projectId, request.params.dataset, request.params.version);
    const isCounted = version.kind === 'chat' || version.kind === 'text';
    const model = isCounted ? await dataModelOrNone(rooms, request.query.model) : null;
    return { ...version.stats, tokens: model ? await tokenStats(files, version, model) : null };
  });

  const diffQuery = z.object({ base: z.string().describe('The version to compare with: dsv-…, name@2, or a number of this dataset.') });
  const diff = { tags, summary: 'What a version differs in from another', params, querystring: diffQuery, response: { 200: DataDiff } };
  server.get(`${base}/:version/diff`, { schema: diff }, async (request) => {
    const { projectId } = request.caller;
    const version = await getDatasetVersion(files, projectId, request.params.dataset, request.params.version);
    const reference = request.query.base;
    const before = /^\d+$/.test(reference)
      ? await getDatasetVersion(files, projectId, request.params.dataset, reference)
      : await findVersion(files, projectId, reference);
    return diffVersions(files, before, version, mostShown);
  });
  addExport(server, rooms);
  addXray(server, rooms);
};

const addExport: RouteGroup = (server, { files }) => {
  const querystring = z.object({
    format: DataFormat.optional().describe('Canonical rows when left out.'),
    container: DataContainer.default('jsonl'),
    skip: z.stringbool().default(false).describe('Leaves out rows that the format has no place for.'),
  });
  server.get(
    `${base}/:version/export`,
    { schema: { tags, summary: 'All rows of a version as a file', params, querystring } },
    async (request, reply) => {
      const { name } = await getDataset(files, request.caller.projectId, request.params.dataset);
      const version = await getDatasetVersion(files, request.caller.projectId, request.params.dataset, request.params.version);
      const { container } = request.query;
      const pieces = exportRows(files, version, request.query)[Symbol.asyncIterator]();
      // What the first row says is wrong is still answered as an error.
      const first = await pieces.next();
      const body = Readable.from(startingWith(first, pieces));
      return reply
        .type(types[container])
        .header('content-disposition', `attachment; filename="${name}-v${version.version}.${container}"`)
        .send(body);
    },
  );
};

async function* startingWith(first: IteratorResult<Buffer>, rest: AsyncIterator<Buffer>): AsyncIterable<Buffer> {
  for (let step = first; !step.done; step = await rest.next()) yield step.value;
}

const addXray: RouteGroup = (server, rooms) => {
  const scorer = new RowScorer((task) => rooms.training.launcher.score(task));
  const querystring = z.object({
    model: z.string().optional().describe('A base model; or a tuned one, whose base and template are taken.'),
    template: z.enum(['model', 'instruction']).default('model').describe('Of a base model.'),
    loss: z.stringbool().default(false).describe('Tells the loss of each trained token under the base model, and under the tuned one.'),
    max_tokens: z.coerce.number().int().min(8).optional(),
  });
  const schema = { tags, summary: 'A row as the loss sees it, token by token', params: rowParams, querystring, response: { 200: RowXray } };
  server.get(`${base}/:version/rows/:row/xray`, { schema }, async (request) => {
    const version = await getDatasetVersion(rooms.files, request.caller.projectId, request.params.dataset, request.params.version);
    const [row] = await pickRows(rooms.files, version, [request.params.row]);
    if (!row) throw new PlatformError('invalid_request', `row: the version has ${version.rows} rows`, { param: 'row' });
    const named = request.query.model ?? usualModel(rooms) ?? rooms.config.warm_model;
    const tuned = await tunedModel(rooms.versions, request.caller.projectId, named);
    const model = await dataModel(rooms, tuned?.base ?? named, tuned?.template ?? request.query.template);
    const xray = xrayRow(row.row, row.number, model, Math.min(request.query.max_tokens ?? Infinity, model.contextLength));
    return request.query.loss ? withLosses(xray, { scorer, model, tuned, baseModels: rooms.baseModels }) : xray;
  });
};

async function pageOfRows(
  { files }: Rooms,
  version: DatasetVersionRow,
  query: z.output<typeof DataRowsQuery>,
): Promise<z.output<typeof DataRowList>> {
  const view = (page: NumberedRow[]) => page.map(({ number, row }) => ({ row: number, value: rowValue(row) }));
  if (query.finding === undefined) {
    const page = await rowPage(files, version, query.after, query.limit);
    return { object: 'list', data: view(page), has_more: (page.at(-1)?.number ?? version.rows) < version.rows, total: version.rows };
  }
  if (!version.report) throw new PlatformError('invalid_request', 'finding: this version has not been checked yet', { param: 'finding' });
  const found = version.report.findings.find(({ kind }) => kind === query.finding)?.rows ?? [];
  const left = found.filter((row) => row > query.after);
  const page = await pickRows(files, version, left.slice(0, query.limit));
  return { object: 'list', data: view(page), has_more: left.length > query.limit, total: found.length };
}
