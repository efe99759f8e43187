/** Datasets as the API shows them: versions that never change, what is wrong with their rows, and what a model sees of a row. */
import { z } from 'zod';
import { pageOf, pageQuery, UnixSeconds } from './openai/common.ts';
import { closedObject } from './openai/request-problem.ts';
import { DataContainer, DataFormat, RowKind } from './row-formats.ts';

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, { error: 'takes 1 to 100 letters, digits, ".", "_" or "-"' })
  .describe('Name of the dataset; with "@3" behind it, its third version.');

/** Lengths of rows in one unit: half are at most `p50` long, 95 of 100 at most `p95`. */
const lengths = z.object({ min: z.number(), mean: z.number(), p50: z.number(), p95: z.number(), max: z.number() });

export const TokenStats = z
  .object({
    model: z.string().describe('Whose tokenizer and chat template counted.'),
    counted_rows: z.int().min(0).describe('Below the number of rows where only every n-th was counted.'),
    total: z.int().min(0).describe('Over all rows; from the counted ones where not all were.'),
    trained: z.int().min(0),
    trained_share: z.number().min(0).max(1),
    refused_rows: z.int().min(0).describe('Of the counted ones, those that the chat template refuses.'),
    longer_than_context: z.int().min(0).describe('Of the counted ones.'),
    lengths: lengths.nullable(),
    histogram: z.array(z.object({ up_to: z.int(), rows: z.int() })).describe('Rows by their length in tokens.'),
  })
  .meta({ id: 'TokenStats' });
export type TokenStats = z.infer<typeof TokenStats>;

export const DataStats = z
  .object({
    rows: z.int().min(0),
    invalid_rows: z.int().min(0).describe('Rows that the format does not know; kept as they came.'),
    characters: z.int().min(0),
    trained_characters: z.int().min(0).describe('What the model learns to say.'),
    row_characters: lengths.nullable(),
    turns: z.array(z.object({ turns: z.int(), rows: z.int() })).describe('Rows by their answers of the assistant; the last is "or more".'),
    with_system: z.int().min(0),
    with_tools: z.int().min(0),
    columns: z
      .array(z.object({ name: z.string(), rows: z.int(), values: z.array(z.object({ value: z.string(), rows: z.int() })).nullable() }))
      .describe('What rows carry besides; with the commonest values where there are at most 50.'),
  })
  .meta({ id: 'DataStats' });
export type DataStats = z.infer<typeof DataStats>;

export const DatasetVersion = z
  .object({
    id: z.string(),
    object: z.literal('dataset.version'),
    dataset_id: z.string(),
    dataset: z.string().describe('Name of its dataset.'),
    version: z.int().min(1),
    created_at: UnixSeconds,
    sha256: z.string().describe('Of its canonical JSONL: the same rows in the same order have the same.'),
    bytes: z.int().min(0),
    rows: z.int().min(0),
    invalid_rows: z.int().min(0),
    kind: RowKind,
    format: DataFormat.describe('What it came in, and is exported in unless another is named.'),
    operation: z.enum(['import', 'fix', 'edit', 'split', 'convert']),
    parameters: z.record(z.string(), z.unknown()).describe('What the operation was given.'),
    parent_id: z.string().nullable().describe('The version that it was made from.'),
    health: z.number().min(0).max(100).nullable().describe('Share of rows without a finding above "info", in percent; null until checked.'),
    findings: z.int().min(0).nullable(),
    checked_at: UnixSeconds.nullable(),
    stats: DataStats,
  })
  .meta({ id: 'DatasetVersion' });
export type DatasetVersion = z.infer<typeof DatasetVersion>;
export const DatasetVersionList = pageOf(DatasetVersion);

export const Dataset = z
  .object({
    id: z.string(),
    object: z.literal('dataset'),
    created_at: UnixSeconds,
    name: z.string(),
    description: z.string(),
    versions: z.int().min(0),
    latest: DatasetVersion.nullable(),
  })
  .meta({ id: 'Dataset' });
export type Dataset = z.infer<typeof Dataset>;
export const DatasetList = pageOf(Dataset);
export const DatasetListQuery = pageQuery({ usual: 20, most: 100 });

const importing = {
  format: DataFormat.optional().describe('Told from the rows when left out.'),
  container: DataContainer.optional(),
  columns: z.record(z.string(), z.string()).optional().describe('Columns to rename first: {"question": "prompt"}.'),
};

/** A new dataset, or a new version of one that has this name. */
export const DatasetRequest = closedObject({
  name,
  description: z.string().max(2000).optional(),
  file_id: z.string().min(1).describe('An uploaded file.'),
  ...importing,
}).meta({ id: 'DatasetRequest' });
export type DatasetRequest = z.output<typeof DatasetRequest>;

/** The fields of the form that brings a file with it. */
export const DatasetUpload = z.object({
  name,
  description: z.string().max(2000).optional(),
  format: importing.format,
  container: importing.container,
  columns: z.preprocess((value) => (typeof value === 'string' ? safeJson(value) : value), importing.columns),
});

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

export const DatasetChange = closedObject({ name: name.optional(), description: z.string().max(2000).optional() });

export const DetectRequest = closedObject({ file_id: z.string().min(1), ...importing });

/** What the rows of a file are taken for. */
export const DataDetection = z
  .object({
    format: DataFormat.nullable().describe('Null when no format fits.'),
    kind: RowKind.nullable(),
    container: DataContainer,
    confidence: z.number().min(0).max(1).describe('Share of the rows looked at that it can read.'),
    reasons: z.array(z.string()),
    alternatives: z.array(z.object({ format: DataFormat, confidence: z.number() })),
    looked_at: z.int().min(0),
    columns: z.array(z.string()),
    preview: z.array(z.unknown()).describe('The first rows as they would be kept.'),
  })
  .meta({ id: 'DataDetection' });
export type DataDetection = z.infer<typeof DataDetection>;

/** What was found at some rows, and what can be done about them. */
export const DataFinding = z
  .object({
    kind: z.string(),
    severity: z.enum(['error', 'warning', 'info']),
    count: z.int().min(1).describe('Rows it was found at.'),
    rows: z.array(z.int().min(1)).describe('The first 1,000 of them.'),
    message: z.string(),
    fix: z.object({ action: z.string(), description: z.string() }).nullable(),
    actions: z.array(z.string()).describe('Every action that may be taken; the first is the one proposed.'),
    examples: z.array(z.object({ row: z.int(), text: z.string() })).describe('Up to five, in words.'),
  })
  .meta({ id: 'DataFinding' });
export type DataFinding = z.infer<typeof DataFinding>;

export const DataCheck = z
  .object({
    object: z.literal('dataset.check'),
    version_id: z.string(),
    created_at: UnixSeconds,
    model: z.string().nullable().describe('Whose tokenizer counted; null when tokens were estimated.'),
    rows: z.int().min(0),
    health: z.number().min(0).max(100),
    checks: z.array(z.string()).describe('The kinds that were looked for.'),
    findings: z.array(DataFinding),
  })
  .meta({ id: 'DataCheck' });
export type DataCheck = z.infer<typeof DataCheck>;

export const DataCheckRequest = closedObject({
  model: z.string().optional().describe('Base model whose tokenizer and template count; tokens are estimated without one.'),
  against: z.array(z.string()).max(20).default([]).describe('Versions that hold evaluation rows: rows that stand in them too are leaks.'),
  checks: z.array(z.string()).optional().describe('Kinds to look for; all when left out.'),
  max_tokens: z.int().min(8).optional().describe("Longest row; the model's context when left out."),
  near_duplicate_similarity: z
    .number()
    .min(0.5)
    .max(1)
    .default(0.85)
    .describe('Jaccard similarity of word triples from which rows are alike.'),
}).meta({ id: 'DataCheckRequest' });
export type DataCheckRequest = z.output<typeof DataCheckRequest>;

export const DataFixRequest = DataCheckRequest.extend({
  fixes: z
    .union([z.literal('proposed'), z.array(closedObject({ kind: z.string(), action: z.string().optional() })).min(1)])
    .describe('"proposed" takes the proposed action of every finding above "info".'),
}).meta({ id: 'DataFixRequest' });
export type DataFixRequest = z.output<typeof DataFixRequest>;

export const DataSplitRequest = closedObject({
  parts: z
    .record(name, z.number().positive().max(1))
    .refine((parts) => Object.keys(parts).length >= 2, { error: 'takes at least two parts' })
    .refine((parts) => Object.values(parts).reduce((sum, share) => sum + share, 0) <= 1.000001, {
      error: 'the shares add up to more than 1',
    })
    .default({ train: 0.9, validation: 0.1 })
    .describe('Part → share of the rows; what is left over goes nowhere.'),
  seed: z.int().min(0).max(4_294_967_295).default(0).describe('The same seed makes the same split.'),
  stratify_by: z.string().optional().describe('A column, or "answer": each of its values is split by the same shares.'),
}).meta({ id: 'DataSplitRequest' });
export type DataSplitRequest = z.output<typeof DataSplitRequest>;

export const DataConvertRequest = closedObject({
  to: z.union([RowKind, DataFormat]).describe('What the rows become: a kind, or a format of another kind.'),
  name: name.optional().describe('Dataset that takes them; "<name>-<kind>" when left out.'),
}).meta({ id: 'DataConvertRequest' });
export type DataConvertRequest = z.output<typeof DataConvertRequest>;

export const RowEditRequest = closedObject({ value: z.record(z.string(), z.unknown()).nullable().describe('The new row; null drops it.') });

export const DataDiff = z
  .object({
    object: z.literal('dataset.diff'),
    base: z.string(),
    other: z.string(),
    added: z.int().min(0),
    removed: z.int().min(0),
    changed: z.int().min(0).describe('Rows that ask the same and are otherwise not the same.'),
    unchanged: z.int().min(0),
    rows: z
      .array(
        z.object({
          change: z.enum(['added', 'removed', 'changed']),
          base_row: z.int().nullable(),
          row: z.int().nullable(),
          before: z.unknown(),
          after: z.unknown(),
        }),
      )
      .describe('The first of each.'),
  })
  .meta({ id: 'DataDiff' });
export type DataDiff = z.infer<typeof DataDiff>;

/** Of one token, or their mean; null where there is none: masked, cut off, or not asked for. */
const nats = z.number().min(0).nullable();

/** One row as the loss sees it. */
export const RowXray = z
  .object({
    object: z.literal('dataset.row_xray'),
    row: z.int().min(1),
    model: z.string(),
    value: z.unknown(),
    text: z.string().describe('The row as the chat template writes it.'),
    total: z.int().min(0),
    trained: z.int().min(0),
    max_tokens: z.int().min(1),
    problem: z.string().nullable().describe('Why the row cannot be trained on.'),
    version: z.string().nullable().describe('The tuned model whose loss is told beside that of its base; null without one.'),
    base_loss: nats.describe('Mean over the trained tokens; null where it was not asked for.'),
    loss: nats.describe('The same under `version`.'),
    tokens: z.array(
      z.object({
        id: z.int(),
        text: z.string(),
        trained: z.boolean().describe('Carries loss.'),
        special: z.boolean(),
        truncated: z.boolean().describe('Beyond the longest row.'),
        base_loss: nats.describe('Under the base model.'),
        loss: nats.describe('Under `version`.'),
        likeliest: z.string().nullable().describe('What `version`, or the base model, would have said in its place.'),
      }),
    ),
  })
  .meta({ id: 'RowXray' });
export type RowXray = z.infer<typeof RowXray>;

export const DataRowsQuery = z.object({
  after: z.coerce.number().int().min(0).default(0).describe('Number of the last row of the page before.'),
  limit: z.coerce.number().int().min(1).max(500).default(50),
  finding: z.string().optional().describe('Only rows that the last check found this at.'),
});

export const DataRowList = z.object({
  object: z.literal('list'),
  data: z.array(z.object({ row: z.int().min(1), value: z.unknown() })),
  has_more: z.boolean(),
  total: z.int().min(0),
});
