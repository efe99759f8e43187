/** What GPTQ, AWQ and bitsandbytes need beside the worker's own packages, in a folder of its own: no pin of the worker is touched. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tools, venv } from './paths.mjs';
import { runCommand } from './run-command.mjs';
import { packagesFix as fix, uv, uvEnvironment } from './uv-tool.mjs';

/** All of them: what they need besides is in .venv, and nothing of that is to be installed a second time. */
const packages = [
  'bitsandbytes==0.50.2',
  'gptqmodel==7.7.0',
  'defuser==0.0.28',
  'device-smi==0.5.7',
  'logbar==0.4.15',
  'ninja==1.13.2',
  'optimum==2.3.0',
  'pillow==13.0.0',
  'protobuf==7.36.2',
  'pypcre==0.6.4',
  'threadpoolctl==3.8.0',
  'tokenicer==0.0.14',
  'torchao==0.18.0',
];
/** The same folder as TUNELOOP_QUANTIZERS' default. */
const folder = join(tools, 'quantizers');
/** Written last; says what was asked for. */
const stamp = join(folder, '.tuneloop-setup');
/** Some are built for one version of Python: that of the worker. */
const wanted = () => [...packages, ...readFileSync(join(venv, 'pyvenv.cfg'), 'utf8').match(/^version.*$/m)].join(' ');

export const quantizers = {
  name: 'Quantizers',

  isDone() {
    if (!existsSync(stamp) || !existsSync(join(venv, 'pyvenv.cfg'))) return null;
    return readFileSync(stamp, 'utf8') === wanted() ? `${packages.length} packages` : null;
  },

  async run(line) {
    line.update('bitsandbytes, gptqmodel');
    rmSync(folder, { recursive: true, force: true });
    const python = join(venv, 'bin', 'python');
    const words = ['pip', 'install', '--no-progress', '--no-deps', '--python', python, '--target', folder, ...packages];
    await runCommand(uv, words, { log: 'quantizers', fix, env: uvEnvironment });
    writeFileSync(stamp, wanted());
    return `${packages.length} packages`;
  },
};
