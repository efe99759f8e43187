/** Alpaca's instructions: what to do, perhaps on what, and the answer. Dolly's names of the same are read too. */
import { InstructionRow } from '#contract/row-formats.ts';
import type { ChatTurn } from '#contract/dataset.ts';
import { columnsOf } from '../data-row.ts';
import { RowRefused } from '../row-refused.ts';
import type { RowFormat } from './format.ts';
import { firstOf, has, parseRow } from './parse-row.ts';
import { assistant, oneText, parseJson, plainExchanges, system, user } from './turns.ts';

const outputs = ['output', 'response', 'completion', 'answer'];
const inputs = ['input', 'context'];

export const instruction: RowFormat = {
  kind: 'chat',
  looksLike: (row) =>
    has(row, 'instruction') && outputs.some((name) => has(row, name)) && !has(row, 'chosen') && !has(row, 'kto_tag')
      ? `it has "instruction" and "${outputs.find((name) => has(row, name))}"`
      : null,
  read(row) {
    const { history, ...rest } = row;
    const parsed = parseRow(InstructionRow, {
      ...rest,
      input: firstOf(row, inputs),
      output: firstOf(row, outputs),
      history: typeof history === 'string' ? (parseJson(history) ?? []) : history,
    });
    const earlier = (parsed.history ?? []).flatMap(([asked, said]) => [user(asked), assistant(said)]);
    const turns = [...system(parsed.system), ...earlier, askedTurn(parsed.instruction, parsed.input ?? ''), assistant(parsed.output)];
    const known = ['instruction', 'system', 'history', ...outputs, ...inputs];
    return [{ kind: 'chat', messages: turns, more: columnsOf(row, known) }];
  },
  write(row) {
    if (row.kind !== 'chat') throw new RowRefused('not a chat');
    const plain = row.tools ? null : plainExchanges(row.messages);
    if (!plain) throw new RowRefused('an instruction has no place for tools, weights or several messages of one side in a row');
    const [asked, output] = plain.exchanges.at(-1)!;
    const history = plain.exchanges.slice(0, -1);
    return {
      ...instructionAndInput(row.messages.at(-2)!, asked),
      output,
      ...(plain.system === null ? {} : { system: plain.system }),
      ...(history.length > 0 ? { history } : {}),
      ...row.more,
    };
  },
};

/** One message, which remembers what of it was the input: templates that know inputs write it apart. */
export function askedTurn(text: string, input: string): ChatTurn {
  if (input === '') return user(text);
  return { role: 'user', content: text === '' ? input : `${text}\n\n${input}`, ...(text !== '' && { input }) } as ChatTurn;
}

function instructionAndInput(turn: ChatTurn, asked: string): { instruction: string; input: string } {
  const input = 'input' in turn && typeof turn['input'] === 'string' ? turn['input'] : '';
  const whole = oneText([turn], 'user') ?? asked;
  return input !== '' && whole.endsWith(`\n\n${input}`)
    ? { instruction: whole.slice(0, -input.length - 2), input }
    : { instruction: asked, input: '' };
}
