/** What a Python process of ours is given of this process's environment. */

const secret = /^TUNELOOP_|TOKEN|SECRET|PASSWORD|API_KEY/i;

/** The worker needs no key of the platform, so it gets none. */
export function workerEnvironment(): NodeJS.ProcessEnv {
  // Nothing is read here, only passed on: PATH, CUDA_VISIBLE_DEVICES and whatever else a driver wants.
  // oxlint-disable-next-line node/no-process-env
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !secret.test(name)));
}
