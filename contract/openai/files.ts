/** OpenAI's files: what is uploaded to train on, and what a run leaves behind. */
import { z } from 'zod';
import { pageOf, pageQuery, UnixSeconds } from './common.ts';

export const FilePurpose = z
  .enum(['fine-tune', 'batch', 'assistants', 'vision', 'user_data', 'evals'])
  .describe('What the file is for; a training file is fine-tune.')
  .meta({ id: 'FilePurpose' });

export const FileExpiry = z.object({
  anchor: z.literal('created_at'),
  seconds: z.coerce.number().int().min(3600).max(2_592_000).describe('1 hour to 30 days.'),
});

/** The fields of the multipart form beside `file`. Brackets in their names (`expires_after[anchor]`) are read by then. */
export const FileUploadRequest = z
  .object({
    purpose: FilePurpose,
    expires_after: FileExpiry.optional(),
  })
  .meta({ id: 'FileUploadRequest' });
export type FileUploadRequest = z.output<typeof FileUploadRequest>;

export const FileObject = z
  .object({
    id: z.string(),
    object: z.literal('file'),
    bytes: z.int().min(0),
    created_at: UnixSeconds,
    expires_at: UnixSeconds.optional(),
    filename: z.string(),
    purpose: z.enum([...FilePurpose.options, 'assistants_output', 'batch_output', 'fine-tune-results']),
    status: z.enum(['uploaded', 'processed', 'error']).describe('Always processed once the upload is answered; clients poll for it.'),
    status_details: z.string().optional(),
  })
  .meta({ id: 'FileObject' });
export type FileObject = z.infer<typeof FileObject>;

export const FileList = pageOf(FileObject).meta({ id: 'FileList' });
export type FileList = z.infer<typeof FileList>;

export const FileListQuery = pageQuery({ usual: 10_000, most: 10_000 }).extend({ purpose: z.string().optional() });
export type FileListQuery = z.output<typeof FileListQuery>;

export const FileDeleted = z.object({ id: z.string(), object: z.literal('file'), deleted: z.literal(true) }).meta({ id: 'FileDeleted' });
export type FileDeleted = z.infer<typeof FileDeleted>;
