/** Calls that come in bursts, done once a frame; in a page that is not looked at, four times a second. */
const hiddenMs = 250;

export interface EveryFrame {
  (): void;
  stop(): void;
}

export function everyFrame(work: () => void): EveryFrame {
  let isAsked = false;
  let isStopped = false;
  const run = (): void => {
    isAsked = false;
    if (!isStopped) work();
  };
  const ask = (): void => {
    if (isAsked || isStopped) return;
    isAsked = true;
    if (document.hidden) setTimeout(run, hiddenMs);
    else requestAnimationFrame(run);
  };
  return Object.assign(ask, { stop: () => void (isStopped = true) });
}
