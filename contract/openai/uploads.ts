/** OpenAI's uploads: a file that comes in parts, each of which may be sent again. */
import { z } from 'zod';
import { UnixSeconds } from './common.ts';
import { FileExpiry, FileObject, FilePurpose } from './files.ts';

export const UploadRequest = z
  .object({
    filename: z.string().min(1),
    purpose: FilePurpose,
    bytes: z.int().min(1).describe('Of the whole file; its completion is refused with any other number.'),
    mime_type: z.string().min(1).max(255),
    expires_after: FileExpiry.optional().describe('Of the file that is made.'),
  })
  .meta({ id: 'UploadRequest' });
export type UploadRequest = z.output<typeof UploadRequest>;

export const UploadCompleteRequest = z
  .object({
    part_ids: z.array(z.string()).min(1).max(10_000).describe('In the order of the file.'),
    md5: z
      .string()
      .regex(/^[0-9a-f]{32}$/i, { error: 'is 32 hexadecimal digits' })
      .optional()
      .describe('Of the whole file; completed only when it is right.'),
  })
  .meta({ id: 'UploadCompleteRequest' });
export type UploadCompleteRequest = z.output<typeof UploadCompleteRequest>;

export const Upload = z
  .object({
    id: z.string(),
    object: z.literal('upload'),
    bytes: z.int().min(1),
    created_at: UnixSeconds,
    expires_at: UnixSeconds.describe('An upload that is not completed by then is forgotten.'),
    filename: z.string(),
    purpose: FilePurpose,
    status: z.enum(['pending', 'completed', 'cancelled', 'expired']),
    file: FileObject.nullable().describe('Once it is completed.'),
  })
  .meta({ id: 'Upload' });
export type Upload = z.infer<typeof Upload>;

export const UploadPart = z
  .object({ id: z.string(), object: z.literal('upload.part'), created_at: UnixSeconds, upload_id: z.string() })
  .meta({ id: 'UploadPart' });
export type UploadPart = z.infer<typeof UploadPart>;
