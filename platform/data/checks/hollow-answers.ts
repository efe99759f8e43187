/** Answers that say nothing: placeholders, refusals of a machine, the question once more, one phrase over and over. */
import type { DataRow } from '../data-row.ts';
import { plainWords, rowParts, turnText } from '../row-text.ts';
import { rowByRow, rowsOf } from './check.ts';

const drop = 'leaves the rows whose answers say something';
const answerOf = (row: DataRow): string | null =>
  row.kind === 'chat' || row.kind === 'unpaired' ? (rowParts(row).answers[0] ?? null) : null;

const placeholder =
  /^(?:todo|tbd|n\/?a|null|none|undefined|nan|placeholder|\.{2,}|-+|\?+|x{3,}|test(?:ing)?|insert (?:answer|text) here)[.!]?$|lorem ipsum|<(?:answer|response|your [\w ]{1,30})>|\{\{ ?\w{1,40} ?\}\}/i;

export const placeholderAnswers = rowByRow({
  kind: 'placeholder_answers',
  severity: 'warning',
  drop,
  message: (count) => `${rowsOf(count)} with a placeholder in the place of an answer`,
  judge(row) {
    const answer = answerOf(row);
    return answer !== null && placeholder.test(answer.trim()) ? answer : null;
  },
});

const boilerplate =
  /\bas an? (?:ai|artificial intelligence)(?: language)? model\b|\bi(?:'m| am) (?:just |only )?an? (?:ai|artificial intelligence)(?: language)?(?: model| assistant)\b.{0,80}\b(?:cannot|can't|unable|do not|don't)\b|\bmy (?:knowledge|training) (?:cut-?off|data)\b|\bopenai'?s? (?:policy|policies|guidelines)\b/i;

export const machineRefusals = rowByRow({
  kind: 'machine_refusals',
  severity: 'info',
  drop: 'leaves the rows that answer',
  message: (count) => `${rowsOf(count)} with stock phrases of another assistant`,
  judge(row) {
    const answer = answerOf(row);
    return answer === null ? null : (boilerplate.exec(answer)?.[0] ?? null);
  },
});

export const echoes = rowByRow({
  kind: 'echoes',
  severity: 'warning',
  drop,
  message: (count) => `${rowsOf(count)} with the question for an answer`,
  judge(row) {
    const answer = answerOf(row);
    const question = rowParts(row).asked.findLast((turn) => turn.role === 'user');
    if (answer === null || !question) return null;
    const words = plainWords(answer);
    return words.length > 8 && words === plainWords(turnText(question)) ? answer : null;
  },
});

export const repetition = rowByRow({
  kind: 'repetition',
  severity: 'warning',
  drop,
  message: (count) => `${rowsOf(count)} with an answer that repeats itself`,
  judge(row) {
    const answer = row.kind === 'text' ? row.text : answerOf(row);
    return answer !== null && repeats(answer) ? answer : null;
  },
});

/** Whether four words in a row make up more than a third of the text, or one sign more than half of it. */
function repeats(text: string): boolean {
  const words = plainWords(text).split(' ');
  if (words.length < 24) return /(\S)\1{19,}/u.test(text);
  const counts = new Map<string, number>();
  for (let at = 0; at + 4 <= words.length; at++) {
    const four = words.slice(at, at + 4).join(' ');
    const count = (counts.get(four) ?? 0) + 1;
    if (count * 4 > words.length / 3 && count >= 4) return true;
    counts.set(four, count);
  }
  return /(\S)\1{39,}/u.test(text);
}

export const samePreferences = rowByRow({
  kind: 'same_preferences',
  severity: 'error',
  drop: 'leaves the rows that prefer one answer to another',
  message: (count) => `${rowsOf(count)} whose two answers are the same`,
  judge(row) {
    if (row.kind !== 'preference') return null;
    const [preferred, rejected] = rowParts(row).answers;
    return preferred!.trim() === rejected!.trim() ? preferred! : null;
  },
});
