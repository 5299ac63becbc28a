import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { markPath } from '../../../src/kernel/store/mark.js';

/** A new directory that goes when the test ends, and with it the mark beside it if it was a store. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'concordat-'));
  onTestFinished(async () => {
    await rm(directory, { recursive: true, force: true });
    await rm(markPath(directory), { force: true });
  });
  return directory;
}
