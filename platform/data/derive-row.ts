/** What a row of one kind can teach as another kind, where the meaning allows it. */
import type { RowKind } from '#contract/row-formats.ts';
import { kindNames, type ValidRow } from './data-row.ts';
import { RowRefused } from './row-refused.ts';
import { instructionText } from './instruction-text.ts';

/** No row, one, or several: a preference holds two answers with a label. Throws RowRefused where the meaning does not allow it. */
export function deriveRow(row: ValidRow, to: RowKind): ValidRow[] {
  if (row.kind === to) return [row];
  const derived =
    to === 'chat'
      ? asChat(row)
      : to === 'prompt'
        ? asPrompt(row)
        : to === 'unpaired'
          ? asUnpaired(row)
          : to === 'text'
            ? asText(row)
            : null;
  if (derived === null) throw new RowRefused(`${kindNames[row.kind]} hold nothing that ${kindNames[to]} could be made of`);
  return derived;
}

/** The better of two answers is what is learnt; an answer that is not good is left out. */
function asChat(row: ValidRow): ValidRow[] | null {
  if (row.kind === 'preference') return [{ kind: 'chat', messages: [...row.prompt, ...row.preferred], tools: row.tools, more: row.more }];
  if (row.kind !== 'unpaired') return null;
  return row.label ? [{ kind: 'chat', messages: [...row.prompt, ...row.completion], tools: row.tools, more: row.more }] : [];
}

function asPrompt(row: ValidRow): ValidRow[] | null {
  if (row.kind === 'preference' || row.kind === 'unpaired')
    return [{ kind: 'prompt', prompt: row.prompt, tools: row.tools, more: row.more }];
  if (row.kind !== 'chat') return null;
  const at = row.messages.findLastIndex((turn) => turn.role === 'assistant');
  if (at < 1) throw new RowRefused('nothing is asked before the last answer');
  return [{ kind: 'prompt', prompt: row.messages.slice(0, at), tools: row.tools, more: row.more }];
}

function asUnpaired(row: ValidRow): ValidRow[] | null {
  if (row.kind !== 'preference') return null;
  const { prompt, tools, more } = row;
  return [
    { kind: 'unpaired', prompt, completion: row.preferred, label: true, tools, more },
    { kind: 'unpaired', prompt, completion: row.rejected, label: false, tools, more },
  ];
}

/** As `### Instruction:` … `### Response:`, which needs no tokenizer to be written. */
function asText(row: ValidRow): ValidRow[] | null {
  if (row.kind !== 'chat') return null;
  if (row.tools) throw new RowRefused('plain text has no place for tools');
  return [{ kind: 'text', text: instructionText(row.messages), more: row.more }];
}
