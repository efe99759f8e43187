import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { demoModelGguf } from '../../tests/demo-model.ts';
import { writeLora } from '../../tests/lora-gguf.ts';
import { ggufWeights } from './gguf-weights.ts';

it('reads how the weights of a GGUF file are stored, and says when it does not know', async () => {
  expect(await ggufWeights(demoModelGguf())).toEqual({ name: 'Q4_1', isQuantised: true });
  const folder = mkdtempSync(join(tmpdir(), 'gguf-'));
  const file = join(folder, 'silent.gguf');
  await writeLora(file, { layers: 1, rank: 1, inputs: 8, outputs: 8 }, 1, 1);
  expect(await ggufWeights(file)).toEqual({ name: 'unknown', isQuantised: true });
  writeFileSync(file, 'GGUF');
  expect(await ggufWeights(file)).toEqual({ name: 'unknown', isQuantised: true });
  rmSync(folder, { recursive: true });
});
