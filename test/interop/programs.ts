import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Of one program; Maven has a long download to make the first time. */
const timeoutMs = 300_000;
const outputMax = 16 * 1024 * 1024;

/** What a program wrote to standard output and standard error. */
export interface Output {
  readonly out: string;
  readonly err: string;
}

/** A program ended badly, or is not there. */
export class ProgramError extends Error {
  override readonly name = 'ProgramError';
}

/** Runs a program to its end. Throws `ProgramError` with its last words. */
export function run(program: string, args: readonly string[], directory?: string): Promise<Output> {
  const options = { cwd: directory, timeout: timeoutMs, maxBuffer: outputMax };
  return new Promise((resolve, reject) => {
    execFile(program, args, options, (error, out, err) => {
      if (error === null) resolve({ out, err });
      else reject(new ProgramError(`${program}: ${lastLines(`${out}\n${err}`) || error.message}`));
    });
  });
}

/** Whether all programs are there; the first that is not. */
export function missingOf(...programs: readonly string[]): string | undefined {
  const { PATH = '' } = process.env;
  const folders = PATH.split(':');
  return programs.find((name) => !folders.some((folder) => existsSync(join(folder, name))));
}

const linesShown = 5;

function lastLines(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.slice(-linesShown).join(' | ');
}

/** The project's folder, from the source as well as from the compiled output. */
export const projectRoot = ((): string => {
  const here = dirname(fileURLToPath(import.meta.url));
  const found = ['../..', '../../..']
    .map((path) => join(here, path))
    .find((path) => existsSync(join(path, 'package.json')));
  if (found === undefined) throw new Error('the project has no package.json');
  return found;
})();
