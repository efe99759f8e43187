/** Fails when an import goes through a wall of the house, or when an import could not be read. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findForbiddenImports } from './check/find-forbidden-imports.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { forbidden, unread, files, imports } = await findForbiddenImports(root);

for (const sentence of forbidden) console.error(sentence);
for (const file of unread) console.error(`not read: ${file}`);
if (imports === 0) console.error('no import was found: the parser does not understand our files');
console.log(`${files} files, ${imports} imports, ${forbidden.length} forbidden`);
if (forbidden.length > 0 || unread.length > 0 || imports === 0) process.exitCode = 1;
