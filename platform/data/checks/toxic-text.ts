/**
 * Insults, slurs and threats, told by words and phrases: English only, and blind to irony, quotation and spelling tricks. What it finds is
 * worth a look; what it does not find is not therefore harmless.
 */
import { rowTexts } from '../row-text.ts';
import { rowByRow, rowsOf } from './check.ts';

/** Whole words, in any inflection that the endings allow. */
const words =
  'fuck(?:ing|er|ers|ed|s)?|motherfuck\\w*|shithead\\w*|bullshit|bastards?|bitch(?:es|y)?|cunts?|dickheads?|assholes?|arseholes?|wankers?|twats?|' +
  'whores?|sluts?|retards?|retarded|morons?|imbeciles?|scumbags?|dumbass(?:es)?|nigg(?:er|a)s?|faggots?|fags|kikes?|chinks?|spics?|trann(?:y|ies)|dykes|gooks?|wetbacks?';
const phrases =
  "kill (?:yourself|you all|them all)|kys|(?:i(?:'ll| will| am going to)|we(?:'ll| will)) (?:kill|hurt|rape|murder|beat) you|" +
  "(?:you are|you're|you) (?:all )?(?:so )?(?:stupid|worthless|pathetic|disgusting|an idiot|idiots|trash|garbage|subhuman|vermin)|go to hell|" +
  '(?:should|deserve to) (?:all )?(?:die|be killed|be exterminated)|hate (?:all )?(?:jews|muslims|blacks|whites|gays|women|immigrants|christians)';
const toxic = new RegExp(`\\b(?:${words}|${phrases})\\b`, 'iu');

export const toxicText = rowByRow({
  kind: 'toxic_text',
  severity: 'warning',
  drop: 'leaves the rows without such words',
  message: (count) => `${rowsOf(count)} with insults, slurs or threats`,
  judge(row) {
    for (const { role, text } of rowTexts(row)) {
      const match = toxic.exec(text);
      if (match) return `${role}: "${match[0]}"`;
    }
    return null;
  },
});
