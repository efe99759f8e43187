/** The version of a dataset that a command is about: `name` is its newest, `name@3` its third. */
import { CliError } from './cli-error.ts';

/** Throws `usage`. */
export function versionPath(reference: string): string {
  const [, name, version = 'latest'] = /^([^@]+)(?:@(.+))?$/.exec(reference) ?? [];
  if (name === undefined)
    throw new CliError('usage', `"${reference}" names no dataset; write NAME or NAME@VERSION`, { fix: 'tuneloop data ls' });
  return `/api/v1/datasets/${encodeURIComponent(name)}/versions/${encodeURIComponent(version)}`;
}

/** Names that `--json` may pick of a version. */
export const versionFields: readonly string[] = (
  'id object dataset_id dataset version created_at sha256 bytes rows invalid_rows kind format operation parameters parent_id health ' +
  'findings checked_at stats'
).split(' ');

export const versionWord: [string, string] = ['<dataset>', 'NAME, or NAME@VERSION'];
export const count = (value: number): string => value.toLocaleString('en-US');
