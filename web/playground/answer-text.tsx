/** What a model said, as text and nothing else; with probabilities, each token tells under the pointer, or by the slider, how sure it was. */
import { memo, useMemo, useState, type PointerEvent } from 'react';
import type { Answer } from './conversation.ts';
import { tokenPieces, type TokenPiece } from './token-pieces.ts';

/** Below each probability its colour; surer tokens have none. */
const heat: [number, string][] = [
  [0.2, 'bg-bad-soft'],
  [0.5, 'bg-warn-soft'],
  [0.8, 'bg-accent-soft'],
];

export const AnswerText = memo(function AnswerText({ answer, isHeated }: { answer: Answer; isHeated: boolean }) {
  const pieces = useMemo(() => piecesOf(answer), [answer]);
  const [chosen, setChosen] = useState<number | null>(null);
  if (pieces === null) return <p className="min-h-6 whitespace-pre-wrap break-words">{answer.text}</p>;
  const point = (event: PointerEvent): void => {
    const { token: index } = (event.target as HTMLElement).dataset;
    setChosen(index === undefined ? null : Number(index));
  };
  return (
    <div role="presentation" onPointerOver={point} onPointerLeave={() => setChosen(null)}>
      <p className="min-h-6 whitespace-pre-wrap break-words">
        {pieces.map((piece, index) => (
          <span
            // Tokens only ever join at the end.
            key={index}
            data-token={index}
            className={`${isHeated ? heatOf(piece.probability) : ''} ${index === chosen ? 'rounded outline outline-1 outline-accent' : ''}`}
          >
            {piece.text}
          </span>
        ))}
      </p>
      <TokenLine piece={chosen === null ? undefined : pieces[chosen]} />
      {isHeated && (
        <input
          type="range"
          aria-label="Token of the answer"
          className="w-full"
          min={0}
          max={pieces.length - 1}
          value={chosen ?? 0}
          onChange={(event) => setChosen(Number(event.target.value))}
        />
      )}
    </div>
  );
});

/** Null where there are no tokens, or they are not (yet) the text: a stop string may hold some of it back. */
function piecesOf({ text, tokens }: Answer): TokenPiece[] | null {
  if (tokens.length === 0) return null;
  const pieces: TokenPiece[] = [];
  let length = 0;
  for (const piece of tokenPieces(tokens)) {
    if (length + piece.text.length > text.length) break;
    pieces.push(piece);
    length += piece.text.length;
  }
  const joined = pieces.map((piece) => piece.text).join('');
  if (!text.startsWith(joined)) return null;
  return joined === text ? pieces : [...pieces, { text: text.slice(joined.length), probability: 1, others: [] }];
}

function heatOf(probability: number): string {
  return heat.find(([below]) => probability < below)?.[1] ?? '';
}

function TokenLine({ piece }: { piece: TokenPiece | undefined }) {
  return (
    <p aria-live="polite" data-tokens className="mt-1 min-h-5 truncate font-mono text-[0.85em] text-muted">
      {piece && (
        <>
          <b className="text-ink">{quoted(piece.text)}</b> {share(piece.probability)}
          {piece.others
            .filter(({ text }) => text !== piece.text)
            .map(({ text, probability }) => ` · ${quoted(text)} ${share(probability)}`)
            .join('')}
        </>
      )}
    </p>
  );
}

/** Spaces and line ends are part of a token. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

function share(probability: number): string {
  const percent = probability * 100;
  return `${percent >= 10 ? percent.toFixed(0) : percent >= 0.1 ? percent.toFixed(1) : '<0.1'} %`;
}
