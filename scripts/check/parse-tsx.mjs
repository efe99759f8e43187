/** Makes swc read `.tsx` files as such: dependency-cruiser asks it for plain TypeScript always. Imported before dependency-cruiser. */
import { createRequire } from 'node:module';

const swc = createRequire(import.meta.url)('@swc/core');
const { parseFileSync } = swc;
swc.parseFileSync = (file, options) => parseFileSync(file, { ...options, tsx: file.endsWith('.tsx') });
