import { randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as rest } from 'node:timers/promises';
import { isMissing } from '../config/config-error.js';
import { EnrollmentError } from './enrollment-error.js';

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
      if (!isThere(error)) throw error;
      isNew = false;
    }
    await rm(temporary);
  });
  return isNew;
}

/** Milliseconds that a command waits for the lock of another; none holds it for long. */
const lockWaitMs = 5_000;
const lockTryMs = 20;

/**
 * Runs a step while no other process runs one under the same lock file. Throws `EnrollmentError` where the lock file stays
 * for `waitMs`: another process is slow, or a crash has left the file.
 */
export async function exclusively<Result>(
  lock: string,
  step: () => Promise<Result>,
  waitMs = lockWaitMs,
): Promise<Result> {
  await mkdir(dirname(lock), { recursive: true, mode: 0o700 });
  for (let waitedMs = 0; !(await makesLock(lock)); waitedMs += lockTryMs) {
    if (waitedMs >= waitMs) throw new EnrollmentError('locked', await whoHolds(lock));
    await rest(lockTryMs);
  }
  return step().finally(() => rm(lock));
}

/** `false` where the lock file is there already. */
async function makesLock(lock: string): Promise<boolean> {
  try {
    const file = await open(lock, 'wx', 0o600);
    await orRemoved(lock, () => file.writeFile(`${process.pid}\n`).finally(() => file.close()));
    return true;
  } catch (error) {
    if (isThere(error)) return false;
    throw error;
  }
}

/** Does a step with a file that was just made; where that fails, as on a full disk, the file goes. */
async function orRemoved(path: string, step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

async function whoHolds(lock: string): Promise<string> {
  const holder = await readFile(lock, 'utf8').catch(() => '');
  return (
    `${lock}: process ${holder.trim() || 'unknown'} approves at the same moment, or was killed while it did; ` +
    'where no "concordat approve" of this coordinator runs, remove the file, and approve again'
  );
}

function isThere(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST';
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
  await orRemoved(temporary, async () => {
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await place(temporary);
  });
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
