/** How a run's progress looks: a block of lines on a terminal, or one line anywhere else. */
import { stripVTControlCharacters } from 'node:util';
import type { RunProgress } from './run-progress.ts';

const barWidth = 32;
const sparkWidth = 24;

/** Four lines: phase with bar, losses, speed, times. `spentSeconds` is counted by the caller, so that it goes on between events. */
export function runBlock(progress: RunProgress, spentSeconds: number): string[] {
  const { step, totalSteps, epoch, losses, evaluations } = progress;
  const share = totalSteps ? Math.min(1, step / totalSteps) : 0;
  const filled = Math.round(share * barWidth);
  const steps = totalSteps ? `step ${step} of ${totalSteps}` : '';
  const best = evaluations.length > 0 ? evaluations.reduce((low, each) => (each.loss < low.loss ? each : low)) : null;
  return [
    `  ${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} ${String(Math.floor(share * 100)).padStart(3)} %   ${progress.phase}`,
    `  ${[steps, epoch === null ? '' : `epoch ${epoch.toFixed(1)}`].filter(Boolean).join('   ')}`,
    `  loss ${losses.length > 0 ? `${losses.at(-1)!.toFixed(3)}  ${sparkline(losses)}` : '–'}   eval loss ${best ? `${evaluations.at(-1)!.loss.toFixed(3)} (best ${best.loss.toFixed(3)} at step ${best.step})` : '–'}`,
    `  ${[speed(progress), memory(progress), `${duration(spentSeconds)} so far`, timeLeft(progress)].filter(Boolean).join('   ')}`,
  ];
}

/** The same in one line, for logs. */
export function runLine(progress: RunProgress): string {
  const { step, totalSteps, losses, evaluations } = progress;
  const parts = [
    totalSteps ? `step ${step}/${totalSteps}` : '',
    losses.length > 0 ? `loss ${losses.at(-1)!.toFixed(3)}` : '',
    evaluations.length > 0 ? `eval loss ${evaluations.at(-1)!.loss.toFixed(3)}` : '',
    speed(progress),
    timeLeft(progress),
  ];
  return `  ${parts.filter(Boolean).join('  ')}`;
}

/** Eight heights over the range of the values; each column is the mean of its share. */
export function sparkline(values: number[]): string {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return '';
  const columns = Array.from({ length: Math.min(sparkWidth, finite.length) }, (_, column) => {
    const width = finite.length / Math.min(sparkWidth, finite.length);
    const share = finite.slice(Math.floor(column * width), Math.max(Math.floor(column * width) + 1, Math.floor((column + 1) * width)));
    return share.reduce((sum, value) => sum + value, 0) / share.length;
  });
  const low = Math.min(...columns);
  const range = Math.max(...columns) - low || 1;
  return columns.map((value) => '▁▂▃▄▅▆▇█'[Math.round(((value - low) / range) * 7)]).join('');
}

/** `45 s`, `3m05s`, `2h10m`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number): string => String(value).padStart(2, '0');
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h${two(Math.floor((whole % 3600) / 60))}m`;
}

/** Pads to a width in terminal columns, whatever colours the text carries. */
export function padText(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - stripVTControlCharacters(text).length));
}

const speed = ({ tokensPerSecond }: RunProgress): string => (tokensPerSecond === null ? '' : `${Math.round(tokensPerSecond)} tokens/s`);
const memory = ({ memoryBytes }: RunProgress): string => (memoryBytes === null ? '' : `${(memoryBytes / 2 ** 20).toFixed(0)} MiB`);
const timeLeft = ({ etaSeconds, step, totalSteps }: RunProgress): string =>
  etaSeconds === null || step === totalSteps ? '' : `${duration(etaSeconds)} left`;
