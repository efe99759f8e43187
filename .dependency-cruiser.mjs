/** The walls of the house: who may import what. Every rule is a sentence; `npm run check` prints the one that an import breaks. */

/** Floors from the top down. Imports only go down; the rooms of one floor do not know each other. */
const floors = [
  ['cli/', 'write-env-example.ts'],
  ['api/'],
  ['app.ts'],
  ['chat/', 'loop/'],
  ['evaluation/', 'exports/', 'rag/', 'safety/'],
  ['inference/', 'training/'],
  ['data/', 'models/', 'monitoring/', 'prompts/'],
  ['storage/', 'config.ts'],
  ['core/'],
];

/** Tests, and what only tests use, may import anything. */
const tests = String.raw`(\.test\.ts|\.types\.ts|/conformance\.ts|/test-[^/]+\.ts)$`;
/** Folders whose files are drivers: opened by name from the list beside them, never imported. */
const drivers = '^platform/(storage/object-stores|training/launchers|inference/(engines|embedders)|models/sources|monitoring/trackers)/';

const pattern = (rooms) => `^platform/(${rooms.join('|').replaceAll('.', String.raw`\.`)})`;
const nameOf = (room) => room.replace(/\/|\.ts$/g, '');

const floorRules = floors.flatMap((rooms, index) =>
  rooms.flatMap((room) => {
    const above = floors.slice(0, index).flat();
    const beside = rooms.filter((other) => other !== room);
    const from = { path: pattern([room]), pathNot: tests };
    return [
      ...(above.length > 0
        ? [{ name: `${nameOf(room)}-imports-only-from-below`, severity: 'error', from, to: { path: pattern(above), pathNot: tests } }]
        : []),
      ...(beside.length > 0
        ? [{ name: `${nameOf(room)}-does-not-know-its-neighbours`, severity: 'error', from, to: { path: pattern(beside), pathNot: tests } }]
        : []),
    ];
  }),
);

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...floorRules,
    {
      name: 'the-contract-imports-only-zod',
      severity: 'error',
      from: { path: '^contract/', pathNot: [tests, '^contract/(generate|shapes)\\.ts$'] },
      to: { pathNot: ['^contract/', '^node_modules/zod/'] },
    },
    {
      name: 'the-generator-imports-only-zod-and-node',
      severity: 'error',
      from: { path: '^contract/(generate|shapes)\\.ts$' },
      to: { pathNot: ['^contract/', '^node_modules/zod/'], dependencyTypesNot: ['core'] },
    },
    {
      name: 'the-platform-imports-only-itself-and-the-contract',
      severity: 'error',
      from: { path: '^platform/', pathNot: tests },
      to: { path: '^(web|worker|bench|tests|scripts|examples|deploy|docs)/' },
    },
    {
      name: 'the-dashboard-sees-the-contract-alone',
      severity: 'error',
      from: { path: '^web/', pathNot: tests },
      to: { path: '^(platform|worker|bench|tests|scripts)/' },
    },
    {
      name: 'only-app-knows-the-lists-of-drivers',
      severity: 'error',
      // A base model's source is named by its catalogue entry, not by a setting: the room that reads the catalogue opens it.
      from: { path: '^(platform|bench|scripts)/', pathNot: [tests, '^platform/(app|models/fetch-model)\\.ts$'] },
      to: { path: `${drivers}index\\.ts$` },
    },
    {
      name: 'a-driver-is-opened-by-its-name',
      severity: 'error',
      from: { path: '^platform/', pathNot: [tests, drivers] },
      to: { path: drivers, pathNot: `${drivers}index\\.ts$` },
    },
    { name: 'there-is-no-circle', severity: 'error', from: {}, to: { circular: true } },
    { name: 'every-import-leads-somewhere', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'what-runs-is-a-dependency',
      severity: 'error',
      from: { path: '^(contract|platform)/', pathNot: tests },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    // TypeScript 7 has no parser that dependency-cruiser can use; without swc it reads no module and finds no fault.
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    preserveSymlinks: true,
    exclude: { path: '^(node_modules|\\.venv|web/dist)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.json', '.css'],
    },
  },
};
