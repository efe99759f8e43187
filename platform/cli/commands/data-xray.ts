/** `tuneloop data xray`: a row as the loss sees it; what is learnt stands out, what is masked is dim. */
import type { RowXray } from '#contract/datasets.ts';
import { coloursOf, type Colours } from '../colours.ts';
import { wholeNumber, type Command } from '../command.ts';
import { versionPath, versionWord } from '../find-dataset.ts';

export const command: Command = {
  words: [versionWord, ['[row]', 'number of the row; 1 when left out']],
  flags: [
    { flags: '-m, --model <id>', description: 'base model whose tokenizer and template write the row; or a tuned one, for its loss' },
    { flags: '--template <model|instruction>', description: "the model's own, or ### Instruction … ### Response" },
    { flags: '--loss', description: 'the loss of what is learnt, under the base model and under the tuned one; takes a moment' },
    { flags: '--max-tokens <number>', description: 'longest row; what is beyond it is shown as cut off', parse: wholeNumber(8) },
  ],
  examples: [
    'tuneloop data xray lumen-support 3',
    'tuneloop data xray lumen-support@1 3 --template instruction --json tokens',
    'tuneloop data xray lumen-support 3 --loss -m MODEL',
  ],
  fields: ['row', 'model', 'value', 'text', 'total', 'trained', 'max_tokens', 'problem', 'version', 'base_loss', 'loss', 'tokens'],
  async run({ out, client, stdout, environment }, { words: [reference, row = '1'], flags }) {
    const { model, template, maxTokens, loss } = flags as { model?: string; template?: string; maxTokens?: number; loss?: boolean };
    const query = { model, template, max_tokens: maxTokens, ...(loss && { loss: 'true' }) };
    const xray = await (await client()).ask<RowXray>(`${versionPath(reference!)}/rows/${encodeURIComponent(row)}/xray`, { query });
    out.print(xray, () => describe(xray, coloursOf(stdout, environment)));
  },
};

/** Without colours what is learnt stands between ⟦ and ⟧. */
function describe(xray: RowXray, colours: Colours): string {
  const hasColours = colours.dim('x') !== 'x';
  const parts: string[] = [];
  let wasTrained = false;
  for (const { text, trained, special, truncated } of xray.tokens) {
    if (!hasColours && trained !== wasTrained) parts.push(trained ? '⟦' : '⟧');
    wasTrained = trained;
    parts.push(truncated ? colours.red(text) : trained ? colours.green(special ? colours.bold(text) : text) : colours.dim(text));
  }
  if (!hasColours && wasTrained) parts.push('⟧');
  const head = `#${xray.row}  ${xray.total} tokens, ${xray.trained} learnt, by ${xray.model}${lossOf(xray)}`;
  return [head, ...(xray.problem === null ? [] : [colours.red(`cannot be trained on: ${xray.problem}`)]), '', parts.join('')]
    .join('\n')
    .trimEnd();
}

/** Mean over what is learnt, in nats. */
function lossOf({ base_loss: base, loss }: RowXray): string {
  if (base === null) return '';
  return `; loss ${base.toFixed(2)}${loss === null ? ' under the base model' : ` → ${loss.toFixed(2)}`}`;
}
