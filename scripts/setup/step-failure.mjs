/** A step that could not do its work, told so that a person can act: what, the end of its log, and what to do. */
import { existsSync, readFileSync } from 'node:fs';

export class StepFailure extends Error {
  /** @param {string} message what happened @param {{ fix: string, log?: string }} details a command or sentence that helps; path of the log */
  constructor(message, { fix, log }) {
    super(message);
    this.name = 'StepFailure';
    this.fix = fix;
    this.log = log;
  }

  report() {
    const lines = [`\n✗ ${this.message}`];
    if (this.log && existsSync(this.log)) {
      const tail = readFileSync(this.log, 'utf8').trimEnd().split('\n').slice(-20);
      lines.push(...tail.map((line) => `  | ${line}`), `  log  ${this.log}`);
    }
    lines.push(`  fix  ${this.fix}`, '  docs docs/troubleshooting.md#setup');
    return lines.join('\n');
  }
}
