// Makes one file of `concordat/verify` and all that it imports, for pages: dist/browser/verify.js.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
await build({
  configFile: false,
  root,
  logLevel: 'error',
  publicDir: false,
  build: {
    outDir: join(root, 'dist/browser'),
    target: 'es2022',
    minify: false,
    lib: {
      entry: join(root, 'dist/src/api/verify-in-page.js'),
      formats: ['es'],
      fileName: () => 'verify.js',
    },
  },
});
