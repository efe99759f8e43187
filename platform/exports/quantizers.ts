/** The libraries of GPTQ, AWQ and bitsandbytes: no part of the worker's own environment, and only there where an operator asked for them. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ExportForm } from '#contract/model-export.ts';
import { PlatformError } from '#platform/core/errors.ts';

const needThem: ReadonlySet<ExportForm> = new Set<ExportForm>(['gptq-int4', 'awq-int4', 'bnb-nf4', 'bnb-int8']);

/** The folder, where set-up has finished it; else null. */
export function quantizersIn(folder: string): string | null {
  return existsSync(join(folder, '.tuneloop-setup')) ? folder : null;
}

/** Throws `unsupported_value` for a form that needs what is not there. */
export function requireQuantizers(form: ExportForm, folder: string): void {
  if (!needThem.has(form) || quantizersIn(folder) !== null) return;
  const message = `form: ${form} needs libraries that this machine has not; "npm run setup -- --quantizers" brings them, and no restart is needed`;
  throw new PlatformError('unsupported_value', message, { param: 'form' });
}
