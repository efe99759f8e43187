/** Playground: one question, up to four models side by side, each word as it comes. */
import { Link } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { CodeView } from '../code/code-view.tsx';
import { Button } from '../components/button.tsx';
import { Dialog } from '../components/dialog.tsx';
import { EmptyState } from '../components/empty-state.tsx';
import { FailureView } from '../components/failure-view.tsx';
import { useUrlState } from '../components/use-url-state.ts';
import { useShortcuts } from '../layout/shortcuts.ts';
import { chatSnippets } from '../playground/chat-snippets.ts';
import { messagesFor, type Lane } from '../playground/conversation.ts';
import { LaneBar } from '../playground/lane-bar.tsx';
import { usualLanes, useLaneOptions } from '../playground/lane-options.ts';
import { QuestionBox } from '../playground/question-box.tsx';
import { samplingFields } from '../playground/sampling.ts';
import { SamplingPanel } from '../playground/sampling-panel.tsx';
import { TurnView } from '../playground/turn-view.tsx';
import { usePlayground, type Playground } from '../playground/use-playground.ts';

export function Page() {
  const options = useLaneOptions();
  const playground = usePlayground();
  const { lanes, turns, isRunning, sampling } = playground;
  const [panel, setPanel] = useUrlState('settings');
  const [heat, setHeat] = useUrlState('heat');
  const [coded, setCoded] = useState<{ lane: Lane; index: number } | null>(null);
  useUsualLanes(playground, options);
  useShortcuts([
    { keys: 'Escape', label: 'Stop all answers', group: 'Playground', run: playground.stop },
    { keys: 's', label: 'System prompt and sampling', group: 'Playground', run: () => setPanel(panel ? '' : 'open') },
    { keys: 'p', label: 'Colour tokens by probability', group: 'Playground', run: () => setHeat(heat ? '' : 'on') },
  ]);
  if (options.error) return <FailureView error={options.error} onRetry={options.retry} />;
  if (!options.isPending && options.groups.length === 0) return <NoModels />;
  return (
    <div className="grid grid-cols-1 gap-3">
      <h1 className="sr-only">Playground</h1>
      <LaneBar lanes={lanes} options={options} onModel={playground.setModel} onLanes={playground.setLanes} />
      <div className="flex flex-wrap gap-2">
        <Button kind="quiet" keys="s" aria-expanded={panel !== ''} onClick={() => setPanel(panel ? '' : 'open')}>
          System prompt and sampling
        </Button>
        <Button
          kind="quiet"
          keys="p"
          aria-pressed={heat !== ''}
          disabled={!sampling.withProbabilities}
          onClick={() => setHeat(heat ? '' : 'on')}
        >
          {heat ? 'Plain text' : 'Colour by probability'}
        </Button>
        <Button kind="quiet" disabled={turns.length === 0} onClick={playground.clear}>
          Begin anew
        </Button>
      </div>
      {panel !== '' && <SamplingPanel sampling={sampling} onChange={playground.setSampling} />}
      {turns.map((turn, index) => (
        <TurnView
          key={turn.id}
          turn={turn}
          lanes={lanes}
          isHeated={heat !== ''}
          onEdit={(question) => playground.edit(index, question)}
          onRerun={(lane) => playground.rerun(index, lane)}
          onCode={(lane) => setCoded({ lane, index })}
        />
      ))}
      <div className="sticky bottom-0 bg-page pb-3 pt-1">
        {isRunning && (
          <Button className="mb-2" keys="Escape" onClick={playground.stop}>
            Stop
          </Button>
        )}
        <QuestionBox label="Your question" action="Ask" isDisabled={isRunning || lanes.length === 0} onSend={playground.send} />
      </div>
      {coded && <LaneCode playground={playground} {...coded} onClose={() => setCoded(null)} />}
    </div>
  );
}

/** A playground without lanes gets the usual ones, once it is known what there is. */
function useUsualLanes({ lanes, setLanes }: Playground, options: ReturnType<typeof useLaneOptions>): void {
  const usual = usualLanes(options).join(' ');
  const isEmpty = lanes.length === 0;
  useEffect(() => {
    if (isEmpty && usual !== '') setLanes(usual.split(' ').map((model, index) => ({ id: index + 1, model })));
  }, [isEmpty, usual, setLanes]);
}

function LaneCode({ playground, lane, index, onClose }: { playground: Playground; lane: Lane; index: number; onClose: () => void }) {
  const [language, setLanguage] = useUrlState('as', 'cURL');
  const { turns, sampling } = playground;
  const request = {
    model: lane.model,
    messages: messagesFor(turns, lane.id, index, sampling.system),
    fields: samplingFields(sampling),
  };
  return (
    <Dialog title={`${lane.model} as code`} isOpen onClose={onClose}>
      <CodeView snippets={chatSnippets(request, { origin: location.origin })} chosen={language} onChoose={setLanguage} />
    </Dialog>
  );
}

function NoModels() {
  return (
    <EmptyState title="No model answers yet">
      <p>
        Fetch the demo model with <code>npm run setup</code>, or another one with <code>tuneloop model pull</code>; then train it in{' '}
        <Link to="/new" className="text-accent underline">
          New run
        </Link>
        .
      </p>
    </EmptyState>
  );
}
