import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { LongFirst } from './test/support/long-first.js';

const api = join(import.meta.dirname, 'src/api');

export default defineConfig({
  // Examples import the package by its name: under test that is the source, so that each module is there once.
  resolve: {
    alias: [
      { find: /^concordat$/, replacement: join(api, 'index.ts') },
      { find: /^concordat\/(.+)$/, replacement: join(api, '$1.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two cores: end-to-end files start real processes, so few files at a time.
    maxWorkers: 2,
    sequence: { sequencer: LongFirst },
  },
});
