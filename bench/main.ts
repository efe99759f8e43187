/** `npm run bench -- NAME …`: measures both sides in one run; ends with 1 when a goal does not hold. Without a name it lists them. */
import { readdirSync } from 'node:fs';
import { type Figure, jsonLine, table } from './report.ts';

const notBenches = new Set(['main.ts', 'report.ts']);

/** A bench is a file here that exports `run`; pieces of one have names of two words after its own: `gateway-server.ts`. */
function benchNames(): string[] {
  const files = readdirSync(import.meta.dirname).filter(
    (file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !notBenches.has(file),
  );
  const names = files.map((file) => file.slice(0, -'.ts'.length));
  return names.filter((name) => !names.some((other) => name.startsWith(`${other}-`)));
}

async function main(): Promise<number> {
  // A word with -- before it is for the bench itself.
  const names = process.argv.slice(2).filter((word) => !word.startsWith('--'));
  const known = benchNames();
  const unknown = names.filter((name) => !known.includes(name));
  if (names.length === 0 || unknown.length > 0) {
    if (unknown.length > 0) console.error(`there is no bench ${unknown.join(', ')}`);
    console.error(`npm run bench -- NAME, where NAME is one of ${known.join(', ')}`);
    return 2;
  }
  let holds = true;
  for (const name of names) {
    const bench = (await import(`./${name}.ts`)) as { run: () => Promise<Figure[]> };
    const figures = await bench.run();
    console.log(`${table(figures)}\n${jsonLine(name, figures)}`);
    holds &&= figures.every((figure) => figure.holds !== false);
  }
  return holds ? 0 : 1;
}

process.exitCode = await main();
