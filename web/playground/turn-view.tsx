/** One question and what every lane answers to it; the question can be written anew. */
import { useState } from 'react';
import { Button } from '../components/button.tsx';
import type { Lane, Turn } from './conversation.ts';
import { LaneAnswer } from './lane-answer.tsx';
import { QuestionBox } from './question-box.tsx';

interface TurnViewProps {
  turn: Turn;
  lanes: Lane[];
  isHeated: boolean;
  onEdit: (question: string) => void;
  onRerun: (lane?: Lane) => void;
  onCode: (lane: Lane) => void;
}

const columns = ['', 'lg:grid-cols-1', 'lg:grid-cols-2', 'lg:grid-cols-3', 'lg:grid-cols-2 2xl:grid-cols-4'];

export function TurnView({ turn, lanes, isHeated, onEdit, onRerun, onCode }: TurnViewProps) {
  const [isEditing, setIsEditing] = useState(false);
  const isUnasked = lanes.every(({ id }) => turn.answers[id] === undefined);
  return (
    <section aria-label="Question and answers" className="grid grid-cols-1 gap-2">
      {isEditing ? (
        <QuestionBox
          label="The question, written anew"
          initial={turn.question}
          action="Ask this instead"
          onSend={(question) => {
            setIsEditing(false);
            onEdit(question);
          }}
          onCancel={() => setIsEditing(false)}
        />
      ) : (
        <div className="flex items-start justify-between gap-2 rounded-lg bg-accent-soft px-3 py-2">
          <p className="min-w-0 whitespace-pre-wrap break-words">{turn.question}</p>
          <span className="flex shrink-0">
            {isUnasked && <Button onClick={() => onRerun()}>Ask</Button>}
            <Button kind="quiet" onClick={() => setIsEditing(true)} aria-label="Edit this question and ask again">
              Edit
            </Button>
          </span>
        </div>
      )}
      <div className={`grid grid-cols-1 gap-2 ${columns[lanes.length]}`}>
        {lanes.map((lane) => (
          <LaneAnswer
            key={lane.id}
            lane={lane}
            answer={turn.answers[lane.id]}
            isHeated={isHeated}
            onRerun={() => onRerun(lane)}
            onCode={() => onCode(lane)}
          />
        ))}
      </div>
    </section>
  );
}
