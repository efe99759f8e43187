/** `tuneloop model pull`: fetches a base model, through the platform or, with --local, straight into the data folder. */
import { answerFailure } from '../cli-error.ts';
import type { Command } from '../command.ts';
import type { Context } from '../context.ts';

interface Progress {
  message: string;
  done_bytes?: number | null;
  total_bytes?: number | null;
}

export const command: Command = {
  words: [['<id>', 'a model of the catalogue: tuneloop model ls --all']],
  flags: [{ flags: '--local', description: 'into the data folder of this machine, without a running platform' }],
  examples: [
    'tuneloop model pull smollm2-135m-instruct',
    'HF_TOKEN=… tuneloop model pull llama-2-7b',
    'tuneloop model pull smollm2-135m-instruct --local --json',
  ],
  fields: ['type', 'message', 'done_bytes', 'total_bytes', 'id'],
  async run(context, { words: [id], flags }) {
    const show = openProgress(context);
    for await (const progress of flags.local ? pullHere(context, id!) : pullThere(context, id!)) show(progress);
    context.out.line({ type: 'pull-ended', id }, () => `${id} is ready`);
  },
};

async function* pullThere(context: Context, id: string): AsyncGenerator<Progress> {
  const client = await context.client();
  for await (const { event, data } of client.events(`/api/v1/models/${encodeURIComponent(id)}/pull`, { method: 'POST' })) {
    if (event === 'error') throw answerFailure(502, data, null);
    if (event === 'end') return;
    yield JSON.parse(data) as Progress;
  }
}

/** The rooms of the platform are loaded only here: without --local the command line speaks HTTP alone. */
async function* pullHere(context: Context, id: string): AsyncGenerator<Progress> {
  const { openBaseModels, pullModel } = await import('#platform/models/base-models.ts');
  const waiting: Progress[] = [];
  let wake: () => void = () => undefined;
  let isDone = false;
  const pull = pullModel(openBaseModels(await context.config()), id, (progress) => {
    waiting.push(progress);
    wake();
  }).finally(() => {
    isDone = true;
    wake();
  });
  pull.catch(() => undefined);
  while (!isDone || waiting.length > 0) {
    yield* waiting.splice(0);
    if (!isDone) await new Promise<void>((resolve) => (wake = resolve));
  }
  await pull;
}

/** JSON lines on stdout; a line rewritten on a terminal; elsewhere a line for each new thing that is done. */
function openProgress({ out, stderr }: Context): (progress: Progress) => void {
  let told = '';
  return (progress) => {
    const { message, done_bytes, total_bytes } = progress;
    const share = total_bytes ? `  ${Math.round((100 * (done_bytes ?? 0)) / total_bytes)} % of ${(total_bytes / 1e6).toFixed(0)} MB` : '';
    if (out.isJson) out.line({ type: 'pull-progress', ...progress }, () => null);
    else if (stderr.isTTY) stderr.write(`\r\x1b[2K  ${message}${share}${total_bytes && done_bytes === total_bytes ? '\n' : ''}`);
    else if (message !== told) stderr.write(`  ${message}\n`);
    told = message;
  };
}
