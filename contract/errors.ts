/** Every failure a caller can act on: its code, its HTTP status and OpenAI's error type, in one place. */
import { z } from 'zod';

/** Code → HTTP status and the `type` of OpenAI's error body. The code itself goes on the wire as `code`. */
export const errorKinds = {
  // what the caller sent
  invalid_request: { status: 400, type: 'invalid_request_error' },
  invalid_json: { status: 400, type: 'invalid_request_error' },
  unsupported_parameter: { status: 400, type: 'invalid_request_error' },
  unsupported_value: { status: 400, type: 'invalid_request_error' },
  context_length_exceeded: { status: 400, type: 'invalid_request_error' },
  invalid_training_file: { status: 400, type: 'invalid_request_error' },
  invalid_state: { status: 400, type: 'invalid_request_error' },
  invalid_id: { status: 400, type: 'invalid_request_error' },
  idempotency_mismatch: { status: 422, type: 'invalid_request_error' },
  payload_too_large: { status: 413, type: 'invalid_request_error' },
  unsupported_media_type: { status: 415, type: 'invalid_request_error' },
  // who the caller is
  invalid_api_key: { status: 401, type: 'authentication_error' },
  permission_denied: { status: 403, type: 'permission_error' },
  csrf_refused: { status: 403, type: 'permission_error' },
  // what is not there
  unknown_url: { status: 404, type: 'invalid_request_error' },
  method_not_allowed: { status: 405, type: 'invalid_request_error' },
  model_not_found: { status: 404, type: 'invalid_request_error' },
  alias_not_found: { status: 404, type: 'invalid_request_error' },
  file_not_found: { status: 404, type: 'invalid_request_error' },
  upload_not_found: { status: 404, type: 'invalid_request_error' },
  dataset_not_found: { status: 404, type: 'invalid_request_error' },
  run_not_found: { status: 404, type: 'invalid_request_error' },
  checkpoint_not_found: { status: 404, type: 'invalid_request_error' },
  probe_not_found: { status: 404, type: 'invalid_request_error' },
  plan_not_found: { status: 404, type: 'invalid_request_error' },
  export_not_found: { status: 404, type: 'invalid_request_error' },
  // limits
  rate_limit_exceeded: { status: 429, type: 'rate_limit_error' },
  // what is wrong with the platform or beneath it
  model_refused: { status: 422, type: 'invalid_request_error' },
  model_not_ready: { status: 503, type: 'server_error' },
  source_unreachable: { status: 502, type: 'server_error' },
  engine_unavailable: { status: 503, type: 'server_error' },
  engine_failed: { status: 502, type: 'server_error' },
  worker_unavailable: { status: 503, type: 'server_error' },
  database_unavailable: { status: 503, type: 'server_error' },
  data_locked: { status: 503, type: 'server_error' },
  disk_full: { status: 507, type: 'server_error' },
  setting_invalid: { status: 500, type: 'server_error' },
  artifact_corrupt: { status: 500, type: 'server_error' },
  server_error: { status: 500, type: 'server_error' },
} as const satisfies Record<string, { status: number; type: string }>;

export type ErrorCode = keyof typeof errorKinds;

/** OpenAI's error body: all four keys are always present. */
export const ErrorBody = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
  })
  .meta({ id: 'ErrorBody' });
export type ErrorBody = z.infer<typeof ErrorBody>;

/** Why a run ended without success: a closed set, so that every failure has a cause and a next step. */
export const FailureCause = z
  .enum(['data_error', 'model_error', 'oom', 'nan', 'disk_full', 'worker_lost', 'checkpoint_corrupt', 'config_error', 'crashed'])
  .meta({ id: 'FailureCause' });
export type FailureCause = z.infer<typeof FailureCause>;
