/** Where a question is written: Enter sends it, Shift and Enter begin a new line. */
import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import { Button } from '../components/button.tsx';

interface QuestionBoxProps {
  label: string;
  initial?: string;
  action: string;
  isDisabled?: boolean;
  onSend: (question: string) => void;
  onCancel?: () => void;
}

export function QuestionBox({ label, initial = '', action, isDisabled = false, onSend, onCancel }: QuestionBoxProps) {
  const [text, setText] = useState(initial);
  const box = useRef<HTMLTextAreaElement>(null);
  useEffect(() => box.current?.focus(), []);
  const send = (): void => {
    if (text.trim() === '' || isDisabled) return;
    onSend(text);
    setText('');
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && onCancel) onCancel();
    // While a character is being composed, Enter ends the composition.
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <div className="flex items-end gap-2 rounded-lg border bg-card p-2 focus-within:border-accent">
      <textarea
        ref={box}
        aria-label={label}
        placeholder="Ask all lanes… (Enter sends, Shift+Enter is a new line)"
        rows={Math.min(10, Math.max(2, text.split('\n').length))}
        className="min-w-0 flex-1 resize-none bg-transparent px-1 outline-none"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
      />
      {onCancel && (
        <Button kind="quiet" onClick={onCancel}>
          Cancel
        </Button>
      )}
      <Button kind="primary" keys="Enter" disabled={text.trim() === '' || isDisabled} onClick={send}>
        {action}
      </Button>
    </div>
  );
}
