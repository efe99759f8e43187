/** Asks for a key, where the page would be; the address stays, so that one lands where one wanted to go. */
import { useState, type FormEvent } from 'react';
import { signIn } from '../api/session.ts';
import { Button } from '../components/button.tsx';
import { FailureView } from '../components/failure-view.tsx';

export function SignIn() {
  const [key, setKey] = useState('');
  const [isBusy, setIsBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setIsBusy(true);
    setFailure(null);
    await signIn(key.trim()).catch(setFailure);
    setIsBusy(false);
  };
  return (
    <div className="mx-auto mt-[12dvh] max-w-md">
      <form onSubmit={(event) => void submit(event)} className="flex flex-col gap-3 rounded-lg border bg-card p-6">
        <h1 className="flex items-center gap-2 text-xl font-semibold">
          <img src="/icon.svg" alt="" className="size-6" />
          Sign in to Tuneloop
        </h1>
        <label className="flex flex-col gap-1">
          <span className="font-medium">API key</span>
          <input
            autoFocus
            required
            type="password"
            autoComplete="current-password"
            spellCheck={false}
            placeholder="sk-tl-…"
            className="rounded border px-3 py-2 font-mono"
            value={key}
            onChange={(event) => setKey(event.target.value)}
          />
        </label>
        <p className="text-muted">
          The owner key was printed when the platform was first started; on that machine the command line keeps it in{' '}
          <code className="break-all">~/.config/tuneloop/credentials.json</code>.
        </p>
        {failure !== null && <FailureView error={failure} />}
        <Button kind="primary" type="submit" disabled={isBusy || key.trim() === ''}>
          {isBusy ? 'Checking the key…' : 'Sign in'}
        </Button>
      </form>
    </div>
  );
}
