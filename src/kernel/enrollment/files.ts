import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isMissing } from '../config/config-error.js';

/** Names of files that are being written begin so; what a crash left of one is nobody's. */
const temporaryPrefix = '.new-';

/** For the owner alone, or for all to read. */
type FileMode = 0o600 | 0o644;

/** Writes a whole file or none, on disk when it is done; takes the place of one that is there. */
export async function replaceFile(
  path: string,
  bytes: Uint8Array,
  mode: FileMode = 0o600,
): Promise<void> {
  await writeWhole(path, bytes, mode, (temporary) => rename(temporary, path));
}

/** The same, but never in the place of another file: gives whether it was written. */
export async function createFile(path: string, bytes: Uint8Array): Promise<boolean> {
  let isNew = true;
  await writeWhole(path, bytes, 0o600, async (temporary) => {
    try {
      await link(temporary, path);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      isNew = false;
    }
    await rm(temporary);
  });
  return isNew;
}

async function writeWhole(
  path: string,
  bytes: Uint8Array,
  mode: FileMode,
  place: (temporary: string) => Promise<void>,
): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const temporary = join(directory, `${temporaryPrefix}${randomUUID()}`);
  const file = await open(temporary, 'wx', mode);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await place(temporary);
  const parent = await open(directory, 'r');
  await parent.sync().finally(() => parent.close());
}

/** The files of a directory, by their paths, sorted; none where there is no directory. */
export async function filesIn(
  directory: string,
): Promise<{ readonly path: string; readonly bytes: Uint8Array }[]> {
  const names = await readdir(directory).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  const paths = names
    .filter((name) => !name.startsWith(temporaryPrefix))
    .sort()
    .map((name) => join(directory, name));
  return Promise.all(
    paths.map(async (path) => ({ path, bytes: new Uint8Array(await readFile(path)) })),
  );
}
