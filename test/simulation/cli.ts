import type { Report } from './kit/trial.js';
import type { Violation } from './kit/violation.js';
import { shrinkBy } from './plan/shrink.js';
import { runBatch } from './run/batch.js';
import { type Choice, type Course, coverageGroups } from './run/families.js';
import { coverageLines, memoryLine, untested } from './run/summary.js';

export interface One {
  readonly course: Course;
  readonly choice: Choice;
  readonly steps?: number;
  readonly quiet?: true;
}

export interface Many {
  readonly from: number;
  readonly to: number;
  readonly choice: Choice;
  readonly workers: number;
}

/** One run with its transcript. Returns the exit code. */
export function runOne(one: One): number {
  const { course, steps } = one;
  print(`plan: ${JSON.stringify(course.plan)}`);
  const report = course.run({
    ...(one.quiet ? {} : { narrate: print }),
    ...(steps === undefined ? {} : { steps }),
  });
  for (const [what, count] of report.coverage) print(`  ${what}: ${Math.round(count)}`);
  return tell(report);
}

/** Looks for a smaller plan that fails in the same way. Returns the exit code. */
export function shrinkOne({ course, choice }: One): number {
  const [first] = course.run().violations;
  if (!first) {
    print('the run has no violation: nothing to shrink');
    return 0;
  }
  const fails = (candidate: Course): boolean =>
    candidate.run().violations.some(({ checker }) => checker === first.checker);
  const { plan: shrunk, runs } = shrinkBy((one) => one.cuts(), course, fails);
  const report = shrunk.run();
  const { scenario } = choice;
  const way = 'scenario' in shrunk.plan ? `--scenario ${scenario} ` : '';
  const json = JSON.stringify(shrunk.plan);
  print(`${runs} runs; the smallest plan that fails ${first.checker}:`);
  print(json);
  print(`replay it: npm run sim -- ${way}--plan '${json}'`);
  return tell(report);
}

/** Many runs, a bar, what they covered, and one last line. Returns the exit code. */
export async function runSeeds({ from, to, choice, workers }: Many): Promise<number> {
  const total = to - from + 1;
  const startMs = performance.now();
  const bar = new ProgressBar(total);
  const { failed, coverage, schedules, cpuMs } = await runBatch({
    from,
    to,
    choice,
    workers,
    onResult: ({ seed, violations }, done) => {
      if (violations.length > 0) {
        bar.clear();
        print(`seed ${seed}: ${violations.length} violations`);
        for (const violation of violations.slice(0, 3)) print(`  ${text(violation)}`);
      }
      bar.show(done);
    },
  });
  bar.clear();
  for (const line of coverageLines(coverageGroups(choice), coverage, schedules)) print(line);
  const missing = untested(coverageGroups(choice), coverage);
  if (missing.length > 0) print(`not tested by these seeds: ${missing.join(', ')}`);
  const memory = memoryLine(coverage);
  if (memory !== undefined) print(memory);
  const seconds = (performance.now() - startMs) / 1000;
  const each = cpuMs / 1000 / total;
  print(`${seconds.toFixed(0)} s, ${each.toFixed(2)} s a seed on one of ${workers} threads`);
  if (failed.length > 0) {
    print(`failed: ${failed.map(({ seed }) => seed).join(', ')}`);
    const { scenario, engine } = choice;
    const way = engine ? `${scenario} --engine ${engine}` : scenario;
    print(`look at one: npm run sim -- --scenario ${way} --seed ${failed[0]?.seed}`);
  }
  const violations = failed.reduce((sum, each) => sum + each.violations.length, 0);
  print(`sim: ${total} seeds, ${violations} violations`);
  return violations === 0 ? 0 : 1;
}

function tell({ violations, steps, fingerprint }: Report): number {
  for (const violation of violations) print(`violation: ${text(violation)}`);
  print(
    `sim: ${steps} events, fingerprint ${fingerprint.toString(16)}, ${violations.length} violations`,
  );
  return violations.length === 0 ? 0 : 1;
}

function text({ checker, what }: Violation): string {
  return `${checker}: ${what}`;
}

function print(line: string): void {
  console.log(line);
}

const BAR_WIDTH = 40;
/** Where nobody watches a terminal, a line after so many parts of the whole. */
const PARTS = 20;

class ProgressBar {
  readonly #total: number;
  readonly #isTerminal = process.stderr.isTTY === true;

  constructor(total: number) {
    this.#total = total;
  }

  show(done: number): void {
    if (this.#isTerminal) {
      const filled = Math.round((BAR_WIDTH * done) / this.#total);
      const bar = `${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}`;
      process.stderr.write(`\r[${bar}] ${done}/${this.#total}`);
    } else if (done % Math.ceil(this.#total / PARTS) === 0) {
      process.stderr.write(`${done}/${this.#total} seeds\n`);
    }
  }

  clear(): void {
    if (this.#isTerminal) process.stderr.write(`\r${' '.repeat(BAR_WIDTH + 24)}\r`);
  }
}
