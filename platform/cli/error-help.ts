/** What the terminal adds to a failure's code: its exit code, and what to do when the message does not say. */
import type { ErrorCode } from '#contract/errors.ts';

export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  auth: 4,
  not_found: 5,
  conflict: 6,
  unreachable: 7,
  limit: 8,
  timed_out: 124,
  interrupted: 130,
} as const;

/** Failures that only the terminal has. */
export type CliCode =
  | ErrorCode
  | 'usage'
  | 'server_unreachable'
  | 'port_in_use'
  | 'timed_out'
  | 'run_failed'
  | 'plan_failed'
  | 'export_failed'
  | 'not_set_up';

interface Help {
  exitCode: number;
  fix: string | null;
}

const { failed, usage, auth, not_found, conflict, unreachable, limit, timed_out } = exitCodes;
const inMessage = null;

export const errorHelp: Record<CliCode, Help> = {
  usage: { exitCode: usage, fix: 'tuneloop --help' },
  invalid_request: { exitCode: usage, fix: inMessage },
  invalid_json: { exitCode: usage, fix: inMessage },
  unsupported_parameter: { exitCode: usage, fix: inMessage },
  unsupported_value: { exitCode: usage, fix: inMessage },
  context_length_exceeded: { exitCode: usage, fix: 'shorten the prompt, or ask for fewer tokens with --max-tokens' },
  invalid_training_file: { exitCode: failed, fix: 'mend the rows that are named, then run tuneloop train again' },
  invalid_id: { exitCode: usage, fix: inMessage },
  payload_too_large: { exitCode: usage, fix: 'send less, or start the platform with a larger TUNELOOP_MAX_UPLOAD_MB' },
  unsupported_media_type: { exitCode: usage, fix: inMessage },
  invalid_state: { exitCode: conflict, fix: 'tuneloop run ls' },
  idempotency_mismatch: { exitCode: conflict, fix: inMessage },
  invalid_api_key: { exitCode: auth, fix: 'tuneloop login' },
  permission_denied: { exitCode: auth, fix: 'use a key with more rights: tuneloop login' },
  csrf_refused: { exitCode: auth, fix: inMessage },
  unknown_url: { exitCode: not_found, fix: 'tuneloop version' },
  method_not_allowed: { exitCode: not_found, fix: 'tuneloop version' },
  model_not_found: { exitCode: not_found, fix: 'tuneloop model ls' },
  alias_not_found: { exitCode: not_found, fix: 'tuneloop alias ls' },
  file_not_found: { exitCode: not_found, fix: inMessage },
  upload_not_found: { exitCode: not_found, fix: inMessage },
  dataset_not_found: { exitCode: not_found, fix: 'tuneloop data ls' },
  run_not_found: { exitCode: not_found, fix: 'tuneloop run ls' },
  checkpoint_not_found: { exitCode: not_found, fix: 'tuneloop run show' },
  probe_not_found: { exitCode: not_found, fix: 'tuneloop run probe ls' },
  export_not_found: { exitCode: not_found, fix: 'tuneloop model exports MODEL' },
  plan_not_found: { exitCode: not_found, fix: 'tuneloop plan FILE' },
  rate_limit_exceeded: { exitCode: limit, fix: 'wait a moment and try again' },
  disk_full: { exitCode: limit, fix: 'free some space in the data folder' },
  model_refused: { exitCode: failed, fix: inMessage },
  model_not_ready: { exitCode: unreachable, fix: inMessage },
  source_unreachable: { exitCode: unreachable, fix: 'check the network, or set HF_ENDPOINT to a hub that you can reach' },
  engine_unavailable: { exitCode: unreachable, fix: 'tuneloop doctor' },
  engine_failed: { exitCode: unreachable, fix: 'tuneloop doctor' },
  worker_unavailable: { exitCode: unreachable, fix: 'tuneloop doctor' },
  database_unavailable: { exitCode: unreachable, fix: 'tuneloop doctor' },
  data_locked: { exitCode: conflict, fix: 'tuneloop status, or tuneloop down' },
  port_in_use: { exitCode: conflict, fix: 'tuneloop up --port 0' },
  setting_invalid: { exitCode: usage, fix: 'see .env.example for every setting' },
  artifact_corrupt: { exitCode: failed, fix: 'train it again, or use another checkpoint: tuneloop model ls' },
  server_error: { exitCode: failed, fix: 'tuneloop doctor' },
  server_unreachable: { exitCode: unreachable, fix: 'tuneloop up' },
  run_failed: { exitCode: failed, fix: 'tuneloop run show' },
  plan_failed: { exitCode: failed, fix: inMessage },
  export_failed: { exitCode: failed, fix: inMessage },
  timed_out: { exitCode: timed_out, fix: 'tuneloop run watch' },
  not_set_up: { exitCode: usage, fix: 'node scripts/setup.mjs' },
};
