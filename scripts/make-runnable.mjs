// The compiler writes files that cannot be run; 'npx concordat' in this checkout runs this one.
import { chmod } from 'node:fs/promises';

await chmod(new URL('../dist/src/cli/main.js', import.meta.url), 0o755);
