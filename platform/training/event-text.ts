/** What a worker's event becomes in the run's own list: a message for people, and the fields as they came. */
import type { WorkerEvent } from '#contract/worker.ts';
import type { NewEvent } from './write-run.ts';

const phases: Record<Extract<WorkerEvent, { type: 'run-phase' }>['phase'], string> = {
  checking: 'Checking the training file',
  loading: 'Loading the base model',
  training: 'Training',
  evaluating: 'Evaluating on the validation file',
  saving: 'Saving',
};

const levels: Partial<Record<WorkerEvent['type'], NewEvent['level']>> = { 'run-failed': 'error', 'probe-removed': 'warn' };

export function storedEvent(event: WorkerEvent): NewEvent {
  const { seq: _seq, at, type, ...data } = event;
  return {
    type,
    level: event.type === 'log' ? event.level : (levels[type] ?? 'info'),
    message: eventText(event),
    data,
    at: new Date(at * 1000),
  };
}

function eventText(event: WorkerEvent): string {
  switch (event.type) {
    case 'run-started':
      return `Worker started on ${event.device} (${count(event.threads, 'thread')}, ${event.precision})`;
    case 'run-phase':
      return phases[event.phase];
    case 'memory-profiled':
      return `Most memory held: ${Object.entries(event.peaks)
        .map(([phase, bytes]) => `${phase} ${megabytes(bytes)}`)
        .join(', ')}`;
    case 'data-checked':
      return `Training file checked: ${count(event.rows, 'row')}, ${count(event.trained_tokens, 'trained token')} an epoch, ${count(event.total_steps, 'step')} in all`;
    case 'environment-recorded':
      return `Trained with torch ${event.environment.packages['torch'] ?? '?'} on ${event.environment.processor}`;
    case 'run-step':
      return `Step ${event.step}/${event.total_steps}: training loss ${number(event.loss)}${rewards(event.metrics)}`;
    case 'run-evaluated':
      return `Step ${event.step}: validation loss ${number(event.loss)}, token accuracy ${percent(event.mean_token_accuracy)}${rewards(event.metrics)}`;
    case 'checkpoint-saved':
      return event.kept ? `Step ${event.step} is kept as a checkpoint` : `Checkpoint saved at step ${event.step}`;
    case 'checkpoint-removed':
      return `Checkpoint of step ${event.step} removed to make room`;
    case 'run-paused':
      return `Paused after step ${event.step}; resume goes on from there`;
    case 'run-cancelled':
      return `Cancelled after step ${event.step}`;
    case 'run-ended':
      return `The run has succeeded after ${count(event.step, 'step')}: training loss ${number(event.train_loss)}`;
    case 'probe-added':
      return `Probe: ${event.probe.messages.at(-1)!.content}`;
    case 'probe-removed':
      return `Probe ${event.probe_id} cannot be answered: ${event.reason}`;
    case 'probe-answered':
      return `${event.lane === 'base' ? 'Base' : `Step ${event.step}`}${event.lane === 'checkpoint' ? ' (checkpoint)' : ''} says: ${event.text}`;
    case 'probe-round':
      return `Probes answered at step ${event.step}; they take ${(event.share * 100).toFixed(1)} % of the time`;
    case 'step-measured':
      return `Step ${event.step} of ${event.steps} measured`;
    case 'run-measured':
      return `Measured ${count(event.measured_steps, 'step')}`;
    case 'run-failed':
    case 'log':
      return event.message;
  }
}

/** What a method measures besides its loss; nothing of others, and of a worker of an older release. */
function rewards(metrics: Record<string, number> | undefined): string {
  const { 'rewards/accuracies': accuracy, 'rewards/margins': margin, reward, violation_rate: violations } = metrics ?? {};
  if (accuracy !== undefined && margin !== undefined) return `, ${percent(accuracy)} told apart, margin ${margin.toFixed(2)}`;
  if (violations !== undefined) return `, ${percent(violations)} of the answers break a principle`;
  return reward === undefined ? '' : `, reward ${reward.toFixed(2)}`;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;

const percent = (share: number): string => `${Math.round(share * 100)} %`;

function number(value: number): string {
  return value >= 100 || value === 0 ? value.toFixed(0) : value.toPrecision(3);
}

function count(value: number, noun: string): string {
  return `${value.toLocaleString('en-US')} ${noun}${value === 1 ? '' : 's'}`;
}
