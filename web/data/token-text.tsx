/** A row as the loss sees it: its tokens one after the other as text, told apart by lines, boxes and hatching, and coloured by their loss. */
import { memo, useState, type PointerEvent } from 'react';
import { Button } from '../components/button.tsx';
import { changeStep, describeToken, lossStep, shownText, type Token, type XrayView } from './token-looks.ts';

/** More are shown when one asks for them. */
const mostTokens = 3000;

/** Learnt is underlined, masked is plain and grey, cut off is hatched and struck through. */
const shapes = {
  learnt: 'underline decoration-accent decoration-2 underline-offset-[5px]',
  masked: 'text-muted',
  cut: 'text-muted line-through bg-[repeating-linear-gradient(45deg,transparent_0_3px,var(--color-line)_3px_5px)]',
  special: 'rounded border border-muted px-0.5 text-[0.88em]',
};
const lossLooks = ['', 'bg-warn/12', 'bg-warn/25', 'bg-warn/38', 'bg-warn/50'];
/** Forgotten is wavy, too: it must not be told by its colour alone. */
const changeLooks: Record<string, string> = {
  '-2': 'bg-blue/40 decoration-blue',
  '-1': 'bg-blue/18 decoration-blue',
  '0': '',
  '1': 'bg-bad/18 decoration-bad decoration-wavy',
  '2': 'bg-bad/40 decoration-bad decoration-wavy',
};

export function TokenText({ tokens, view }: { tokens: readonly Token[]; view: XrayView }) {
  const [chosen, setChosen] = useState<number | null>(null);
  const [isWhole, setIsWhole] = useState(false);
  const shown = isWhole ? tokens : tokens.slice(0, mostTokens);
  const point = (event: PointerEvent): void => {
    const { token: index } = (event.target as HTMLElement).dataset;
    if (index !== undefined) setChosen(Number(index));
  };
  const current = Math.min(chosen ?? 0, shown.length - 1);
  const words = describeToken(shown[current]!, current + 1);
  return (
    <div>
      <div role="presentation" onPointerOver={point}>
        <p
          className="max-h-[28rem] overflow-auto whitespace-pre-wrap rounded border bg-page [overflow-wrap:anywhere] p-3 font-mono text-[13px] leading-7"
          tabIndex={0}
          role="region"
          aria-label="The row, token by token"
          data-view={view}
        >
          {shown.map((token, index) => (
            // The place of a token is what it is.
            <TokenSpan key={index} token={token} index={index} view={view} isChosen={index === chosen} />
          ))}
        </p>
      </div>
      {shown.length < tokens.length && (
        <Button className="mt-2" onClick={() => setIsWhole(true)}>
          Show the other {(tokens.length - shown.length).toLocaleString('en-US')} tokens
        </Button>
      )}
      <p data-token-line className="mt-2 min-h-11 break-words rounded bg-inset px-2 py-1 font-mono text-[13px] sm:min-h-0">
        {words}
      </p>
      <input
        type="range"
        aria-label="Token"
        aria-valuetext={words}
        className="mt-1 w-full"
        min={0}
        max={shown.length - 1}
        value={current}
        onChange={(event) => setChosen(Number(event.target.value))}
        onFocus={() => setChosen(current)}
      />
    </div>
  );
}

interface TokenSpanProps {
  token: Token;
  index: number;
  view: XrayView;
  isChosen: boolean;
}

const TokenSpan = memo(function TokenSpan({ token, index, view, isChosen }: TokenSpanProps) {
  const heat = view === 'difference' ? changeLooks[changeStep(token)] : lossLooks[lossStep(token, view)];
  const mark = isChosen ? 'outline outline-2 outline-accent' : '';
  return (
    <span data-token={index} data-kind={kindOf(token)} className={`${shapeOf(token)} ${heat} ${mark}`}>
      {shownText(token)}
    </span>
  );
});

function kindOf({ trained, truncated }: Token): 'learnt' | 'masked' | 'cut' {
  return truncated ? 'cut' : trained ? 'learnt' : 'masked';
}

function shapeOf(token: Token): string {
  const shape = shapes[kindOf(token)];
  return token.special ? `${shape} ${shapes.special}` : shape;
}

/** What the shapes and colours of this view mean. */
export function TokenLegend({ view, isCut }: { view: XrayView; isCut: boolean }) {
  const signs: [string, string][] = [
    [shapes.learnt, 'learnt'],
    [shapes.masked, 'masked'],
    [`${shapes.masked} ${shapes.special}`, 'special'],
    ...(isCut ? ([[shapes.cut, 'cut off']] as [string, string][]) : []),
    ...(view === 'base' || view === 'tuned' ? lossSigns : []),
    ...(view === 'difference' ? changeSigns : []),
  ];
  return (
    <p className="flex flex-wrap items-center gap-x-4 gap-y-1 text-[13px]">
      {signs.map(([look, words]) => (
        <span key={words} className={look}>
          {words}
        </span>
      ))}
    </p>
  );
}

const lossSigns: [string, string][] = [
  [lossLooks[1]!, 'loss from 0.5'],
  [lossLooks[2]!, '1.5'],
  [lossLooks[3]!, '3'],
  [lossLooks[4]!, '6'],
];
const changeSigns: [string, string][] = [
  [`underline decoration-2 underline-offset-[5px] ${changeLooks['-2']}`, 'likelier now'],
  [`underline decoration-2 underline-offset-[5px] ${changeLooks['2']}`, 'less likely now'],
];
