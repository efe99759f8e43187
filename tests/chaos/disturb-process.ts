/**
 * Loaded into a platform by `node --import`: ends it at a failpoint, and lets its clock jump.
 *
 * TUNELOOP_TEST_FAILPOINT: where it is ended, the first time it comes there.
 * TUNELOOP_TEST_CLOCK: a file with the milliseconds by which its clock is off; read again every 50 ms.
 */
import { readFileSync } from 'node:fs';
import { armFailpoints } from '#platform/core/failpoint.ts';

const { TUNELOOP_TEST_FAILPOINT: failpoint, TUNELOOP_TEST_CLOCK: clockFile } = process.env;
if (failpoint) {
  armFailpoints((name) => {
    if (name === failpoint) process.kill(process.pid, 'SIGKILL');
  });
}
if (clockFile) shiftClock(clockFile);

function shiftClock(file: string): void {
  const Real = Date;
  let [offsetMs, readAtMs] = [0, -Infinity];
  const now = (): number => {
    if (performance.now() - readAtMs > 50) {
      readAtMs = performance.now();
      offsetMs = readOffset(file);
    }
    return Real.now() + offsetMs;
  };
  globalThis.Date = new Proxy(Real, {
    construct: (target, words, subclass) => Reflect.construct(target, words.length === 0 ? [now()] : words, subclass) as object,
    get: (target, name, receiver) => (name === 'now' ? now : (Reflect.get(target, name, receiver) as unknown)),
  });
}

function readOffset(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8')) || 0;
  } catch {
    return 0;
  }
}
