/** Reads every import below a folder and holds it against the walls in `.dependency-cruiser.mjs`. */
import './parse-tsx.mjs';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Visitor } from '@swc/core/Visitor.js';
import { cruise } from 'dependency-cruiser';
import walls from '../../.dependency-cruiser.mjs';

/** swc's visitor stops at `using` and `await using`, which it does not know: they are declarations like `const`. */
// oxlint-disable-next-line typescript/unbound-method -- called with its own `this` below
const visitStatement = Visitor.prototype.visitStatement;
Visitor.prototype.visitStatement = function (statement) {
  if (statement.type !== 'UsingDeclaration') return visitStatement.call(this, statement);
  this.visitVariableDeclarators(statement.decls);
  return statement;
};

/** Folders with TypeScript of ours; those that are not there yet are left out. */
const rooms = ['contract', 'platform', 'web', 'bench', 'tests', 'scripts'];

/**
 * `forbidden` are sentences, one a breach. A tool that reads nothing finds nothing, so the files that it did not read, and the number
 * of imports it saw, are told too.
 */
export async function findForbiddenImports(root) {
  const folders = rooms.filter((room) => existsSync(join(root, room)));
  const { output } = await cruise(folders, { ...walls.options, baseDir: root, ruleSet: { forbidden: walls.forbidden }, validate: true });
  const read = new Set(output.modules.map((module) => module.source));
  const ours = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(ts|tsx|mjs)$/.test(name))
      .map((name) => `${folder}/${name}`),
  );
  return {
    forbidden: output.summary.violations.map(({ from, to, rule }) => `${rule.name}: ${from} → ${to}`),
    unread: ours.filter((file) => !read.has(file)),
    files: ours.length,
    imports: output.modules.reduce((sum, module) => sum + module.dependencies.length, 0),
  };
}
