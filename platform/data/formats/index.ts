/** The formats of rows. A new one: its file beside these, and a line here. */
import type { DataFormat } from '#contract/row-formats.ts';
import { completion } from './completion.ts';
import { flan } from './flan.ts';
import type { RowFormat } from './format.ts';
import { instruction } from './instruction.ts';
import { messages } from './messages.ts';
import { openassistant } from './openassistant.ts';
import { preferenceOpenAi } from './preference-openai.ts';
import { preferenceShareGpt } from './preference-sharegpt.ts';
import { preference } from './preference.ts';
import { promptCompletion } from './prompt-completion.ts';
import { prompts } from './prompts.ts';
import { sharegpt } from './sharegpt.ts';
import { unpaired } from './unpaired.ts';

/** The more particular stand first: where two fit a file equally well, the first is proposed. */
export const formats: Record<DataFormat, RowFormat> = {
  preference_openai: preferenceOpenAi,
  preference_sharegpt: preferenceShareGpt,
  preference,
  unpaired,
  messages,
  sharegpt,
  openassistant,
  instruction,
  flan,
  prompt_completion: promptCompletion,
  prompts,
  completion,
};
