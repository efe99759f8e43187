/** The checks of quality, in the order of their findings. A new one: its file beside these, and a line here. */
import type { Check } from './check.ts';
import { classBalance } from './class-balance.ts';
import { contradictions } from './contradictions.ts';
import { controlTokens } from './control-tokens.ts';
import { emptyPrompt } from './empty-prompt.ts';
import { encoding } from './encoding.ts';
import { exactDuplicates } from './exact-duplicates.ts';
import { echoes, machineRefusals, placeholderAnswers, repetition, samePreferences } from './hollow-answers.ts';
import { invalidRows } from './invalid-rows.ts';
import { leakage } from './leakage.ts';
import { nearDuplicates } from './near-duplicates.ts';
import { noTrainedToken } from './no-trained-token.ts';
import { personalData } from './personal-data.ts';
import { roleOrder } from './role-order.ts';
import { templateRefused } from './template-refused.ts';
import { tooLong } from './too-long.ts';
import { toxicText } from './toxic-text.ts';
import { tooShort, unusuallyLong } from './unusual-length.ts';

export const checks: Check[] = [
  invalidRows,
  roleOrder,
  noTrainedToken,
  templateRefused,
  tooLong,
  leakage,
  samePreferences,
  exactDuplicates,
  nearDuplicates,
  contradictions,
  encoding,
  controlTokens,
  personalData,
  toxicText,
  classBalance,
  emptyPrompt,
  tooShort,
  placeholderAnswers,
  echoes,
  repetition,
  machineRefusals,
  unusuallyLong,
];
