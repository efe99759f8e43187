/**
 * Brings a clean clone to where the platform can start: npm packages, the dashboard, uv, the worker's Python environment, the demo model.
 * Runs on Node 20 with nothing installed. A step whose work is there already costs milliseconds; one that was killed is repaired.
 *
 *   node scripts/setup.mjs [--no-model] [--deepspeed] [--quantizers] [--wandb] [--for-tests]
 *
 * --deepspeed brings what zero2 and zero3 train with, --quantizers GPTQ, AWQ and bitsandbytes, --wandb the package of Weights & Biases;
 * --for-tests brings all three and what only the tests need: Chromium, MLflow.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { checkSystem } from './setup/check-system.mjs';
import { chromium } from './setup/chromium.mjs';
import { dashboard } from './setup/dashboard.mjs';
import { deepspeed } from './setup/deepspeed.mjs';
import { demoModel } from './setup/demo-model.mjs';
import { withLock } from './setup/lock.mjs';
import { npmPackages } from './setup/npm-packages.mjs';
import { root } from './setup/paths.mjs';
import { quantizers } from './setup/quantizers.mjs';
import { pythonPackages } from './setup/python-packages.mjs';
import { openStepLine } from './setup/step-line.mjs';
import { StepFailure } from './setup/step-failure.mjs';
import { mlflow, wandb } from './setup/tracker-packages.mjs';
import { uvTool } from './setup/uv-tool.mjs';

/**
 * In the order of their needs. A step is `{ name, isDone(): string | null, run(line): Promise<string> }`; both give a few words on
 * what is there.
 */
const steps = [checkSystem, npmPackages, dashboard, uvTool, pythonPackages, deepspeed, demoModel, quantizers, chromium, wandb, mlflow];
const isWanted = new Map([
  [dashboard, existsSync(join(root, 'web'))],
  [demoModel, !process.argv.includes('--no-model')],
  [deepspeed, process.argv.some((word) => word === '--deepspeed' || word === '--for-tests')],
  [quantizers, process.argv.some((word) => word === '--quantizers' || word === '--for-tests')],
  [chromium, process.argv.includes('--for-tests')],
  [wandb, process.argv.some((word) => word === '--wandb' || word === '--for-tests')],
  [mlflow, process.argv.includes('--for-tests')],
]);
const wanted = steps.filter((step) => isWanted.get(step) ?? true);

/** Does what is missing. Only then is the lock taken: a run that finds everything in place never waits for another. */
async function setUp() {
  if (wanted.every((step) => step.isDone() !== null)) return wanted.forEach(reportDone);
  await withLock(async () => {
    for (const step of wanted) {
      if (step.isDone() !== null) reportDone(step);
      else await runStep(step);
    }
  });
}

function reportDone(step) {
  openStepLine(step.name).end(`${step.isDone()}, already there`);
}

async function runStep(step) {
  const line = openStepLine(step.name);
  try {
    line.end(await step.run(line));
  } catch (error) {
    line.fail();
    throw error;
  }
}

try {
  await setUp();
} catch (error) {
  if (!(error instanceof StepFailure)) throw error;
  console.error(error.report());
  process.exitCode = 1;
}
