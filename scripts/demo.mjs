/**
 * The whole thing once: sets up what is missing, then fine-tunes the demo model on a small set and shows what it has learnt.
 * Runs on Node 20 with nothing installed; the demo itself runs on the Node that set-up has brought.
 *
 *   npm run demo -- [--set NAME] [--json]
 */
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { lockedNode, root } from './setup/paths.mjs';

const startedAt = Date.now();
console.error('Setting up');
const setUp = spawnSync(process.execPath, [join(root, 'scripts', 'setup.mjs')], { stdio: ['ignore', 'inherit', 'inherit'] });
if (setUp.status === 0) {
  const parameters = [join(root, 'scripts', 'demo', 'run-demo.ts'), ...process.argv.slice(2), '--started-at', String(startedAt)];
  const demo = spawn(lockedNode, parameters, { stdio: 'inherit' });
  // Ctrl-C reaches the demo too, and what it says then is the last word.
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => signal === 'SIGTERM' && demo.kill(signal));
  demo.once('close', (code) => (process.exitCode = code ?? 1));
} else {
  process.exitCode = setUp.status ?? 1;
}
