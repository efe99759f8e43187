/** How many tokens a version has, by the platform's usual tokenizer: counted when it is first looked at, and kept by the platform. */
import { useQuery } from '@tanstack/react-query';
import type { DatasetVersion } from '#contract/datasets.ts';
import { statsQuery } from './queries.ts';

/** Counting a MiB takes about a second: a list does not start that for long ones. */
const mostBytes = 2 ** 20;

export function TokenCount({ version }: { version: DatasetVersion }) {
  const isCounted = version.bytes <= mostBytes && (version.kind === 'chat' || version.kind === 'text');
  const stats = useQuery({ ...statsQuery(version, ''), enabled: isCounted });
  const tokens = stats.data?.tokens;
  if (tokens) return <span title={`by the tokenizer of ${tokens.model}`}>{tokens.total.toLocaleString('en-US')}</span>;
  return <span className="text-muted">{isCounted && stats.isPending ? '…' : '–'}</span>;
}
