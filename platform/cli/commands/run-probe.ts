/** `tuneloop run probe`: asks a model while it trains, once or again and again. */
import type { Probe, ProbeAnswerList, ProbeDeleted, ProbeList } from '#contract/probe.ts';
import { CliError } from '../cli-error.ts';
import type { Client } from '../client.ts';
import type { Command, Input } from '../command.ts';
import type { Context } from '../context.ts';
import { findRun } from '../find-run.ts';
import { plainText } from '../plain-text.ts';
import { table } from '../table.ts';
import { awaitAnswer } from '../await-answer.ts';

const fields =
  'id origin messages reference probe_id lane step text tokens finish_reason reference_loss first_token_seconds seconds waited_seconds deleted'.split(
    ' ',
  );

export const command: Command = {
  words: [
    ['<action>', 'ask: answered once, within a step; add: answered again and again; rm; ls'],
    ['[text]', 'the question, or the id of the probe to remove'],
  ],
  flags: [
    { flags: '--run <id>', description: 'the run; the newest when left out' },
    { flags: '--reference <text>', description: 'what a good answer would say; its loss is measured with every answer' },
  ],
  examples: [
    'tuneloop run probe ask "How long is the warranty?"',
    'tuneloop run probe add "How long is the warranty?" --reference "Two years." --run ftjob-abc',
    'tuneloop run probe ls --json id,messages',
    'tuneloop run probe rm probe-auto-2',
  ],
  fields,
  async run(context, input) {
    const client = await context.client();
    const run = await findRun(client, input.flags.run as string | undefined);
    const path = `/api/v1/training/jobs/${encodeURIComponent(run.id)}/probes`;
    const act = actions[input.words[0]!];
    if (!act) throw new CliError('usage', `there is no action "${input.words[0]}"`, { fix: 'tuneloop run probe --help' });
    return act(context, client, path, input);
  },
};

type Action = (context: Context, client: Client, path: string, input: Input) => Promise<number | void>;

const actions: Record<string, Action> = {
  async ls({ out }, client, path) {
    const [{ data, share }, answers] = await Promise.all([
      client.ask<ProbeList>(path),
      client.ask<ProbeAnswerList>(`${path}/answers`, { query: { limit: 5000 } }),
    ]);
    const latest = (probe: Probe): string =>
      answers.data.findLast(({ probe_id, lane }) => probe_id === probe.id && lane === 'live')?.text ?? '';
    out.print(data, () => {
      if (data.length === 0) return 'no probes; add one with: tuneloop run probe add "…"';
      const rows = data.map((probe) => [probe.id, probe.origin, cut(probe.messages.at(-1)!.content), cut(latest(probe))]);
      const cost = share === null ? '' : `\nprobes took ${(share * 100).toFixed(1)} % of the time`;
      return `${table([['ID', 'ORIGIN', 'QUESTION', 'LATEST ANSWER'], ...rows])}${cost}`;
    });
  },

  async add({ out }, client, path, input) {
    const probe = await client.ask<Probe>(path, { method: 'POST', body: { ...question(input), repeat: true } });
    out.print(probe, () => `${probe.id} is answered from now on\n  watch it  tuneloop run watch`);
  },

  async ask(context, client, path, input) {
    const probe = await client.ask<Probe>(path, { method: 'POST', body: question(input) });
    return awaitAnswer(context, client, path, probe.id);
  },

  async rm({ out }, client, path, input) {
    const deleted = await client.ask<ProbeDeleted>(`${path}/${encodeURIComponent(needed(input, 'the id of a probe'))}`, {
      method: 'DELETE',
    });
    out.print(deleted, () => `${deleted.id} is not asked any more; its answers stay`);
  },
};

function question(input: Input): object {
  const { reference } = input.flags;
  return { prompt: needed(input, 'a question'), ...(reference === undefined ? {} : { reference }) };
}

function needed({ words: [action, text] }: Input, what: string): string {
  if (text !== undefined && text !== '') return text;
  throw new CliError('usage', `"run probe ${action}" takes ${what}`, { fix: 'tuneloop run probe --help' });
}

function cut(text: string): string {
  const line = plainText(text).replaceAll(/\s+/g, ' ').trim();
  return line.length > 48 ? `${line.slice(0, 47)}…` : line;
}
