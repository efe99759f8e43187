/** Which words of an answer are not in another one: longest common subsequence of words (Myers' question, small enough for the table). */
export interface Piece {
  text: string;
  isChanged: boolean;
}

/** Answers are at most 512 tokens; longer texts are compared up to here, and what follows counts as changed. */
const mostWords = 1200;

/** The pieces of `text`, in order; joined they are `text`. White space belongs to the word before it. */
export function diffWords(before: string, text: string): Piece[] {
  const old = wordsOf(before).slice(0, mostWords);
  const words = wordsOf(text);
  const isKept = keptWords(
    old.map((word) => word.trim()),
    words.slice(0, mostWords).map((word) => word.trim()),
  );
  const pieces: Piece[] = [];
  for (const [index, word] of words.entries()) {
    const isChanged = !isKept[index];
    const last = pieces.at(-1);
    if (last?.isChanged === isChanged) last.text += word;
    else pieces.push({ text: word, isChanged });
  }
  return pieces;
}

function wordsOf(text: string): string[] {
  return text.match(/^\s+|\S+\s*/g) ?? [];
}

/** For each word of `words`, whether it is part of the longest common subsequence. */
function keptWords(old: readonly string[], words: readonly string[]): boolean[] {
  const width = words.length + 1;
  // lengths[i * width + j]: of the longest one in old[i…] and words[j…].
  const lengths = new Uint16Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = words.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        old[i] === words[j] ? lengths[(i + 1) * width + j + 1]! + 1 : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!);
    }
  }
  const kept = Array.from(words, () => false);
  for (let i = 0, j = 0; i < old.length && j < words.length;) {
    if (old[i] === words[j]) {
      kept[j] = true;
      i++;
      j++;
    } else if (lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!) i++;
    else j++;
  }
  return kept;
}
