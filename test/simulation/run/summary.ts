import type { Coverage } from '../kit/coverage.js';
import type { CoverageGroup } from './families.js';

const LINE_MAX = 100;

/** What happened how often, a paragraph for each group. What never happened was not tested, and says so. */
export function coverageLines(
  groups: readonly CoverageGroup[],
  coverage: Coverage,
  schedules: number,
): string[] {
  const expected = new Set<string>();
  const lines = groups.flatMap(({ title, prefix, names }) => {
    for (const name of names) expected.add(prefix + name);
    const figures = names.map((name) => {
      const [count, runs] = [coverage.of(prefix + name), coverage.runsWith(prefix + name)];
      return `${figure(name, count)}${count > 0 ? ` in ${runs}` : ''}`;
    });
    return paragraph(`${title} (times, in so many seeds)`, figures);
  });
  const others = coverage.entries
    .filter(([what]) => !expected.has(what))
    .map(([what, count]) => figure(what, count));
  return [...lines, ...paragraph('Runs', [figure('schedules', schedules), ...others])];
}

/** What was forgotten, and what came of the attempts on it; undefined where nothing forgets. */
export function memoryLine(coverage: Coverage): string | undefined {
  const forgotten = coverage.of('transactions forgotten, at replicas');
  if (forgotten === 0) return undefined;
  const figures = [
    `${forgotten} transactions forgotten (at replicas)`,
    `${coverage.of('revivals attempted')} revivals attempted`,
    `${coverage.of('revivals refused')} refused`,
    `${coverage.of('questions asked again')} questions asked again`,
    `${coverage.of('registrations refused, uninvited or forged')} invitations refused`,
    `${coverage.of('corrupt stores met')} corrupt stores met`,
  ];
  return `memory: ${figures.join(', ')}`;
}

/** A title, and below it the items in lines that fit a screen. */
function paragraph(title: string, items: readonly string[]): string[] {
  const lines: string[] = [];
  let line = '';
  for (const item of items) {
    if (line !== '' && line.length + item.length > LINE_MAX) {
      lines.push(`  ${line}`);
      line = '';
    }
    line += line === '' ? item : `, ${item}`;
  }
  return [`${title}:`, ...lines, `  ${line}`];
}

/** Names of the faults and behaviours that never happened. */
export function untested(groups: readonly CoverageGroup[], coverage: Coverage): string[] {
  return groups.flatMap(({ prefix, names }) =>
    names.filter((name) => coverage.of(prefix + name) === 0),
  );
}

function figure(name: string, count: number): string {
  return `${name} ${count === 0 ? 'NEVER' : Math.round(count)}`;
}
