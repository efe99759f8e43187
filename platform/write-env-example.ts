/**
 * Writes `.env.example` from the schema of the settings: every one with its default and what it is for. With --check it writes
 * nothing, and fails when the file is stale.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { Config, projectRoot } from './config.ts';

const header = `# Every setting of Tuneloop, with its default: variables of the environment.
# Written from platform/config.ts by "node platform/write-env-example.ts".
`;

/** Defaults that are read off the machine, so that the file is the same on all of them. */
const ofTheMachine = new Set(['engine_threads']);

export function envExample(): string {
  const { properties = {} } = z.toJSONSchema(Config, { io: 'input', unrepresentable: 'any' });
  const { upstreams: _none, grader_sandbox: _empty, ...scalars } = Config.parse({});
  const defaults: Record<string, string | number | boolean | undefined> = scalars;
  const settings = Object.entries(properties).map(([name, schema]) => {
    if (typeof schema === 'boolean') return '';
    const described = schema.description ?? (schema.enum ? `One of ${schema.enum.join(', ')}.` : '');
    const comment = described === '' ? [] : [`# ${described}`];
    const value = ofTheMachine.has(name) ? '' : String(defaults[name] ?? '');
    return ['', ...comment, `# TUNELOOP_${name.toUpperCase()}=${value}`, ''].join('\n');
  });
  return header + settings.join('');
}

if (import.meta.main) {
  const path = join(projectRoot, '.env.example');
  const isFresh = existsSync(path) && readFileSync(path, 'utf8') === envExample();
  if (!isFresh && process.argv.includes('--check')) {
    console.error('.env.example is stale: run "node platform/write-env-example.ts"');
    process.exitCode = 1;
  } else if (!isFresh) {
    writeFileSync(path, envExample());
    process.stdout.write('wrote .env.example\n');
  }
}
