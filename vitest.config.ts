/** Where the TypeScript tests are, and how long one may take on a small machine. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{contract,platform,web,scripts,bench,examples,tests}/**/*.test.{ts,mjs}'],
    // A real PostgreSQL and an empty PGlite folder, for every suite that runs on both.
    globalSetup: ['tests/database-servers.ts'],
    testTimeout: 120_000,
    hookTimeout: 240_000,
    // A machine that others use stands still now and then; what fails twice is broken, and what failed once is shown.
    retry: 1,
    // Engines and databases each take a core; more files at once only wait for one another.
    maxWorkers: 2,
  },
});
