/** The commands of the terminal, in the order of the help. A new one: its file beside these, and a line here. */
import type { CommandEntry } from '../command.ts';

export const commands: Record<string, CommandEntry> = {
  up: { summary: 'Start the platform', load: () => import('./up.ts') },
  down: { summary: 'Stop the platform', load: () => import('./down.ts') },
  status: { summary: 'What the platform is doing', load: () => import('./status.ts') },
  login: { summary: 'Keep the API key of a platform', load: () => import('./login.ts') },
  train: { summary: 'Fine-tune a model on a file, and watch it', load: () => import('./train.ts') },
  chat: { summary: 'Talk to a model', load: () => import('./chat.ts') },
  ask: { summary: 'Ask a model one question', load: () => import('./ask.ts') },
  'run ls': { summary: 'List the runs, newest first', load: () => import('./run-ls.ts') },
  'run show': { summary: 'Everything about a run', load: () => import('./run-show.ts') },
  'run watch': { summary: 'Follow a run until it ends', load: () => import('./run-watch.ts') },
  'run cancel': { summary: 'Stop a run for good', load: () => import('./run-cancel.ts') },
  'run pause': { summary: 'Stop a run at its next step, to go on later', load: () => import('./run-pause.ts') },
  'run resume': { summary: 'Go on with a paused run', load: () => import('./run-resume.ts') },
  'run events': { summary: 'What a run has reported, with its figures', load: () => import('./run-events.ts') },
  'run logs': { summary: 'What a run has reported, as lines to read', load: () => import('./run-logs.ts') },
  'model ls': { summary: 'List base models, tuned models and checkpoints', load: () => import('./model-ls.ts') },
  'model show': { summary: 'Everything about a model', load: () => import('./model-show.ts') },
  'model pull': { summary: 'Fetch a base model', load: () => import('./model-pull.ts') },
  'model rm': { summary: 'Delete a tuned model', load: () => import('./model-rm.ts') },
  doctor: { summary: 'Look for what is wrong, and say what to do', load: () => import('./doctor.ts') },
  version: { summary: 'Versions of Tuneloop and of what it runs on', load: () => import('./version.ts') },
};

/** What the first word of a two-word command stands for. */
export const nouns: Record<string, string> = {
  run: 'Training runs: ls, show, watch, cancel, pause, resume, events, logs',
  model: 'Models: ls, show, pull, rm',
};
