/** `python -m worker generate` as the driver speaks to it: a JSON line a question, a JSON line an answer. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { ServingAnswer, type ServingCommand, type ServingRequest, type ServingToken } from '#contract/serving.ts';
import { PlatformError } from '#platform/core/errors.ts';
import { workerEnvironment } from '#platform/core/worker-environment.ts';
import { AnswerText } from '../../answer-text.ts';
import { EngineChild } from '../../engine-child.ts';
import type { GenerateEvent, GenerateRequest, TokenLogprob } from '../../engine.ts';

export interface WorkerProcessOptions {
  python: string;
  root: string;
  threads: number;
  slots: number;
  context: number | null;
  versions: number;
  queue: number;
}

type AnswerOf<Type extends ServingAnswer['type']> = Extract<ServingAnswer, { type: Type }>;
type Unnumbered<Command> = Command extends { id: number } ? Omit<Command, 'id'> : never;

export class WorkerProcess {
  readonly #child: EngineChild<ServingAnswer>;

  constructor(options: WorkerProcessOptions) {
    this.#child = new EngineChild({ start: () => start(options), send, listen });
  }

  /** Null while no process runs. */
  get pid(): number | null {
    return this.#child.pid;
  }

  /** What is asked and answered once, by an answer of that type. */
  call<Type extends ServingAnswer['type']>(type: Type, command: Unnumbered<ServingCommand>): Promise<AnswerOf<Type>> {
    return new Promise((resolve, reject) => {
      const said = (answer: ServingAnswer): boolean => {
        if (answer.type === 'failed') reject(failureOf(answer));
        else if (answer.type === type) resolve(answer as AnswerOf<Type>);
        else reject(new PlatformError('engine_failed', `the engine's process answered "${answer.type}" where "${type}" was asked`));
        return true;
      };
      this.#child.ask((id) => ({ ...command, id }), { said, failure: reject });
    });
  }

  /** The returned function makes the process forget the request. */
  generate(
    asked: ServingRequest,
    request: GenerateRequest,
    event: (event: GenerateEvent) => void,
    failure: (error: PlatformError) => void,
  ): () => void {
    const text = new AnswerText(request.stop);
    const tell = (delta: GenerateEvent | null): void => {
      if (delta !== null) event(delta);
    };
    const end = (finishReason: 'stop' | 'length'): void => {
      event({ type: 'text-end', finishReason, promptTokens: request.prompt.length, completionTokens: text.tokenCount, cachedTokens: 0 });
    };
    const said = (answer: ServingAnswer): boolean => {
      if (answer.type === 'scored') {
        event({ type: 'prompt-scored', tokens: answer.tokens.map(logprobOf) });
        return false;
      }
      if (answer.type === 'token') {
        const { bytes, is_control } = answer.token;
        tell(text.push(Uint8Array.from(is_control ? [] : bytes), request.topLogprobs === null ? null : logprobOf(answer.token)));
        if (!text.stopped) return false;
        forget();
        end('stop');
        return true;
      }
      if (answer.type === 'ended') {
        tell(text.end());
        end(text.stopped ? 'stop' : answer.finish_reason);
      }
      if (answer.type === 'failed') failure(failureOf(answer));
      return true;
    };
    const ask = (id: number): ServingCommand => ({ command: 'generate', id, request: asked });
    const forget = this.#child.ask(ask, { said, failure }, (id): ServingCommand => ({ command: 'cancel', id }));
    return forget;
  }

  close(): Promise<void> {
    return this.#child.close();
  }
}

function start({ python, root, threads, slots, context, versions, queue }: WorkerProcessOptions): ChildProcess {
  const numbers = { threads, slots, versions, queue, ...(context !== null && { context }) };
  const words = Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(python, ['-m', 'worker', 'generate', ...words], {
    cwd: root,
    env: workerEnvironment(),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // What is written to a process that is ending is told by its end.
  child.stdin.on('error', () => {});
  return child;
}

function send(child: ChildProcess, message: object): void {
  child.stdin!.write(`${JSON.stringify(message)}\n`);
}

function listen(child: ChildProcess, hear: (id: number, said: ServingAnswer) => void): void {
  createInterface({ input: child.stdout! }).on('line', (line) => {
    const answer = ServingAnswer.parse(JSON.parse(line));
    hear(answer.id, answer);
  });
}

function failureOf({ code, message }: AnswerOf<'failed'>): PlatformError {
  const details = code === 'invalid_request' ? { param: 'prompt' } : code === 'rate_limit_exceeded' ? { retryAfterSeconds: 1 } : {};
  return new PlatformError(code, message, details);
}

function logprobOf({ token_id, bytes, logprob, top }: ServingToken): TokenLogprob {
  return {
    ...tokenOf(token_id, bytes),
    logprob,
    top: top.map((other) => ({ ...tokenOf(other.token_id, other.bytes), logprob: other.logprob })),
  };
}

function tokenOf(tokenId: number, bytes: number[]): { tokenId: number; text: string; bytes: number[] } {
  return { tokenId, text: new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes)), bytes };
}
