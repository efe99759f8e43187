/** The walls, tried on small houses that break them one at a time. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { findForbiddenImports } from './find-forbidden-imports.mjs';

let root = '';
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Writes the files, each with the imports named or with a text of its own, and reads them. */
async function read(files) {
  root = mkdtempSync(join(tmpdir(), 'tuneloop-walls-'));
  writeFileSync(
    join(root, 'package.json'),
    JSON.stringify({ type: 'module', imports: { '#platform/*': './platform/*', '#contract/*': './contract/*' } }),
  );
  for (const [name, imported] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    const importing = (paths) => `${paths.map((path) => `import '${path}';`).join('\n')}\nexport const here: number = 1;\n`;
    writeFileSync(join(root, name), Array.isArray(imported) ? importing(imported) : imported);
  }
  return findForbiddenImports(root);
}

it('lets a house pass whose imports go down', async () => {
  const { forbidden, unread, files, imports } = await read({
    'platform/api/server.ts': ['#platform/chat/chat.ts'],
    'platform/chat/chat.ts': ['#platform/core/errors.ts'],
    'platform/core/errors.ts': ['#contract/errors.ts'],
    'contract/errors.ts': [],
  });
  expect({ forbidden, unread, files, imports }).toEqual({ forbidden: [], unread: [], files: 4, imports: 3 });
});

it.each([
  ['core-imports-only-from-below', 'platform/core/errors.ts', '#platform/api/server.ts', 'platform/api/server.ts'],
  ['inference-does-not-know-its-neighbours', 'platform/inference/engine.ts', '../training/runs.ts', 'platform/training/runs.ts'],
  ['storage-does-not-know-its-neighbours', 'platform/storage/database.ts', '#platform/config.ts', 'platform/config.ts'],
  ['the-contract-imports-only-zod', 'contract/errors.ts', '../platform/core/ids.ts', 'platform/core/ids.ts'],
  ['the-contract-imports-only-zod', 'contract/errors.ts', 'node:fs', 'fs'],
  ['the-dashboard-sees-the-contract-alone', 'web/app.ts', '../platform/core/ids.ts', 'platform/core/ids.ts'],
  ['the-platform-imports-only-itself-and-the-contract', 'platform/api/server.ts', '../../bench/table.ts', 'bench/table.ts'],
  [
    'only-app-knows-the-lists-of-drivers',
    'platform/cli/main.ts',
    '#platform/inference/engines/index.ts',
    'platform/inference/engines/index.ts',
  ],
  [
    'a-driver-is-opened-by-its-name',
    'platform/chat/chat.ts',
    '#platform/inference/engines/scripted.ts',
    'platform/inference/engines/scripted.ts',
  ],
])('says %s', async (rule, file, imported, resolved) => {
  const target = resolved.includes('/') ? { [resolved]: [] } : {};
  const { forbidden } = await read({ ...target, [file]: [imported] });
  expect(forbidden).toEqual([`${rule}: ${file} → ${resolved}`]);
});

it('finds a circle, also one of types', async () => {
  const { forbidden } = await read({
    'platform/core/a.ts': ['./b.ts'],
    'platform/core/b.ts': "import type { here } from './a.ts';\nexport type There = typeof here;\n",
  });
  expect(forbidden).toEqual(['there-is-no-circle: platform/core/a.ts → platform/core/b.ts']);
});

it('reads on past `await using`', async () => {
  const { imports, forbidden } = await read({
    'platform/core/a.ts': "async function open() {\n  await using it = await import('./gone.ts');\n}\n",
  });
  expect({ imports, forbidden }).toEqual({ imports: 1, forbidden: ['every-import-leads-somewhere: platform/core/a.ts → ./gone.ts'] });
});

it('finds an import that leads nowhere', async () => {
  const { forbidden } = await read({ 'platform/core/a.ts': ['./gone.ts'] });
  expect(forbidden).toEqual(['every-import-leads-somewhere: platform/core/a.ts → ./gone.ts']);
});

it('lets a test import what it likes', async () => {
  const { forbidden } = await read({ 'platform/core/a.test.ts': ['#platform/api/server.ts'], 'platform/api/server.ts': [] });
  expect(forbidden).toEqual([]);
});
