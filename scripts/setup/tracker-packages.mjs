/** Packages of trackers, each in an environment of its own in .tools: their pins are others than the worker's. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pythonPath } from './check-system.mjs';
import { tools } from './paths.mjs';
import { runCommand } from './run-command.mjs';
import { packagesFix as fix, uv, uvEnvironment } from './uv-tool.mjs';

/** The server that the tests of platform/monitoring/trackers/mlflow.ts speak to; the platform itself needs no MLflow. */
export const mlflow = environmentOf('MLflow', 'mlflow==3.17.2');
/** What platform/monitoring/trackers/wandb.ts starts; the same folder as TUNELOOP_WANDB_PYTHON's default. */
export const wandb = environmentOf('wandb', 'wandb==0.31.0');

function environmentOf(name, requirement) {
  const id = name.toLowerCase();
  const folder = join(tools, id);
  /** Written last; says what was asked for. */
  const stamp = join(folder, '.tuneloop-setup');
  return {
    name,

    isDone() {
      return existsSync(stamp) && readFileSync(stamp, 'utf8') === requirement ? requirement : null;
    },

    async run(line) {
      line.update(requirement);
      rmSync(folder, { recursive: true, force: true });
      const env = uvEnvironment;
      await runCommand(uv, ['venv', '--python', pythonPath(), folder], { log: id, fix, env });
      const python = join(folder, 'bin', 'python');
      await runCommand(uv, ['pip', 'install', '--no-progress', '--python', python, requirement], { log: id, fix, env });
      writeFileSync(stamp, requirement);
      return requirement;
    },
  };
}
