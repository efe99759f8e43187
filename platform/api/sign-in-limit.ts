/** How often one address may try keys that are wrong: guessing a short TUNELOOP_KEY would take for ever. */
import { PlatformError } from '#platform/core/errors.ts';

const windowMs = 60_000;
const mostFailures = 10;
const mostRemembered = 10_000;

export class SignInLimit {
  readonly #failures = new Map<string, { count: number; untilMs: number }>();

  /** Throws `rate_limit_exceeded` once there were too many failures within a minute. */
  check(address: string): void {
    const failed = this.#failures.get(address);
    const leftMs = (failed?.untilMs ?? 0) - performance.now();
    if (!failed || leftMs <= 0 || failed.count < mostFailures) return;
    const retryAfterSeconds = Math.ceil(leftMs / 1000);
    throw new PlatformError('rate_limit_exceeded', `Too many wrong keys from this address; try again in ${retryAfterSeconds} s.`, {
      retryAfterSeconds,
    });
  }

  failed(address: string): void {
    const nowMs = performance.now();
    const failed = this.#failures.get(address);
    if (failed && nowMs < failed.untilMs) failed.count++;
    else {
      if (this.#failures.size >= mostRemembered) this.#failures.clear();
      this.#failures.set(address, { count: 1, untilMs: nowMs + windowMs });
    }
  }
}
