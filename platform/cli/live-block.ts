/** A few lines at the bottom of a terminal that are rewritten in place. */
import type { Terminal } from './context.ts';

export interface LiveBlock {
  draw(lines: string[]): void;
  /** Leaves what was drawn last and goes on below it. */
  end(): void;
}

export function openLiveBlock(stderr: Terminal['stderr']): LiveBlock {
  let height = 0;
  return {
    draw(lines) {
      const width = (stderr.columns ?? 80) - 1;
      const up = `${height > 0 ? `\x1b[${height}A` : ''}${height > lines.length ? '\x1b[J' : ''}`;
      stderr.write(`${up}${lines.map((line) => `\x1b[2K${line.slice(0, width)}\n`).join('')}`);
      height = lines.length;
    },
    end() {
      height = 0;
    },
  };
}
