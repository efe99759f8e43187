/** Charts drawn one after another, a few milliseconds a frame: many of them never hold up the page together. */
const frameMs = 8;

const jobs = new Map<object, () => void>();
let isAsked = false;

/** Does the job soon. A newer one of the same owner takes its place; null takes it back. */
export function drawSoon(owner: object, job: (() => void) | null): void {
  // The newest go last, so that each gets its turn.
  jobs.delete(owner);
  if (job) jobs.set(owner, job);
  if (jobs.size > 0 && !isAsked) {
    isAsked = true;
    requestAnimationFrame(drawSome);
  }
}

function drawSome(): void {
  isAsked = false;
  const startedAt = performance.now();
  for (const [owner, job] of jobs) {
    jobs.delete(owner);
    job();
    if (performance.now() - startedAt > frameMs) break;
  }
  if (jobs.size > 0) {
    isAsked = true;
    requestAnimationFrame(drawSome);
  }
}
