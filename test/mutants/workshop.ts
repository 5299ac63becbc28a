import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Mutant } from './mutant.js';

const run = promisify(execFile);
const parts = [
  'src',
  'test',
  'wsdl',
  'examples',
  'bench',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
];
/** Of the tests of one mutant. */
const timeoutMs = 180_000;
/** Of the tests of all mutants, one after another. */
const soundTimeoutMs = 1_800_000;

export type Finding =
  | { readonly kind: 'caught'; readonly by: string }
  | { readonly kind: 'survived' }
  /** The list does not fit the code, or the tests could not run. */
  | { readonly kind: 'broken'; readonly why: string };

/** A copy of the project where rules may be broken. */
export class Workshop {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async open(root: string): Promise<Workshop> {
    const directory = await mkdtemp(join(tmpdir(), 'concordat-mutants-'));
    for (const part of parts)
      await cp(join(root, part), join(directory, part), { recursive: true });
    await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
    return new Workshop(directory);
  }

  /** Runs the tests on sound code: `survived`, or else no mutant that they catch means anything. */
  async examineSound(tests: readonly string[]): Promise<Finding> {
    return this.#runTests(tests, soundTimeoutMs);
  }

  /** Breaks the rule, runs its tests, and mends it again. */
  async examine(mutant: Mutant): Promise<Finding> {
    const file = join(this.#directory, mutant.file);
    const sound = await readFile(file, 'utf8');
    const places = sound.split(mutant.find).length - 1;
    if (places !== 1) return { kind: 'broken', why: `${places} places match in ${mutant.file}` };
    await writeFile(
      file,
      sound.replace(mutant.find, () => mutant.replace),
    );
    try {
      return await this.#runTests(mutant.tests, timeoutMs);
    } finally {
      await writeFile(file, sound);
    }
  }

  async close(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #runTests(tests: readonly string[], timeout: number): Promise<Finding> {
    const report = join(this.#directory, 'report.json');
    await rm(report, { force: true });
    const args = ['run', ...tests, '--bail=1', '--reporter=json', `--outputFile=${report}`];
    const vitest = join(this.#directory, 'node_modules/vitest/vitest.mjs');
    await run(process.execPath, [vitest, ...args], {
      cwd: this.#directory,
      timeout,
      maxBuffer: 64 * 1024 * 1024,
    }).catch(() => undefined);
    const text = await readFile(report, 'utf8').catch(() => undefined);
    // A rule whose absence makes a test run for ever is noticed too.
    if (text === undefined) return { kind: 'caught', by: 'a test that does not end' };
    return readReport(JSON.parse(text));
  }
}

interface Report {
  readonly success: boolean;
  readonly numTotalTests: number;
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

function readReport(report: Report): Finding {
  const failed = report.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .find(({ status }) => status === 'failed');
  if (failed) return { kind: 'caught', by: failed.fullName };
  if (report.numTotalTests === 0) return { kind: 'broken', why: 'no test ran' };
  // On a machine with too much to do a file of tests may not start in time: then nothing is known.
  if (!report.success) return { kind: 'broken', why: 'not all of its tests ran' };
  return { kind: 'survived' };
}
