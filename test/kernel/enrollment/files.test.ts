import { mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createFile, exclusively, replaceFile } from '../../../src/kernel/enrollment/files.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'concordat-files-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(directory, { recursive: true });
});

/** The disk is full until the test is over. */
async function fillDisk() {
  const file = await open(join(directory, 'any'), 'w');
  const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  vi.spyOn(Object.getPrototypeOf(file), 'writeFile').mockRejectedValue(full);
  await file.close();
  await rm(join(directory, 'any'));
}

describe('a full disk', () => {
  const bytes = Buffer.from('x');

  it.each([
    ['a file that replaces another', () => replaceFile(join(directory, 'a'), bytes)],
    ['a new file', () => createFile(join(directory, 'a'), bytes)],
    ['a lock', () => exclusively(join(directory, 'lock'), async () => undefined)],
  ])('leaves nothing of %s', async (_, write) => {
    await fillDisk();
    await expect(write()).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(await readdir(directory)).toEqual([]);
    vi.restoreAllMocks();
    await write();
  });
});
