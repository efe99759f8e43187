/** The demo model, unpacked and made trainable in the data folder by the platform's own `model pull`. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { data, lockedNode, root } from './paths.mjs';
import { runCommand } from './run-command.mjs';

const id = 'smollm2-135m-instruct';

export const demoModel = {
  name: 'demo model',

  /** Its manifest is written last, and the folder gets its name only then. */
  isDone() {
    return existsSync(join(data, 'models', id, 'manifest.json')) ? id : null;
  },

  async run(line) {
    line.update(id);
    await runCommand(lockedNode, [join(root, 'platform', 'cli', 'main.ts'), 'model', 'pull', id, '--local', '--json'], {
      log: 'demo-model',
      fix: 'see the log, then run it again: what is complete is kept',
      env: { TUNELOOP_DATA: data },
      onLine: (text) => line.update(progressOf(text) ?? id),
    });
    return id;
  },
};

/** The words of a progress line of `model pull --json`, null for any other line. */
function progressOf(text) {
  if (!text.startsWith('{')) return null;
  const { message, done_bytes, total_bytes } = JSON.parse(text);
  if (!message) return null;
  return total_bytes
    ? `${message} ${Math.round((100 * (done_bytes ?? 0)) / total_bytes)} % of ${Math.round(total_bytes / 1e6)} MB`
    : message;
}
