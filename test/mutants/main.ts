import { join } from 'node:path';
import Table from 'cli-table3';
import { mutants } from './list.js';
import type { Mutant } from './mutant.js';
import { type Finding, Workshop } from './workshop.js';

const usage = `Usage: npm run mutants -- [NAME ...]

Breaks rules of the protocol one at a time, in a copy, and sees whether a test fails.
NAME: only mutants whose name contains it. --list names them all.

The tests have to pass without a mutant first.

Exit status: 0 all caught, 1 not all, 2 wrong command line.`;

/** One workshop for each processor that it may keep busy. */
const workshops = 2;
const root = join(import.meta.dirname, '../../..');

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(usage);
    return 0;
  }
  if (args.includes('--list')) {
    for (const { name, rule } of mutants) console.log(`${name}: ${rule}`);
    return 0;
  }
  const chosen = mutants.filter(({ name }) => !args.length || args.some((a) => name.includes(a)));
  if (chosen.length === 0) {
    console.error(`no mutant is named like that; --list names them all\n\n${usage}`);
    return 2;
  }
  const failure = await failureOfSound(chosen);
  if (failure !== undefined) {
    console.error(`these tests fail on sound code, so they cannot catch anything: ${failure}`);
    return 1;
  }
  const findings = await examineAll(chosen);
  print(chosen, findings);
  const caught = [...findings.values()].filter(({ kind }) => kind === 'caught').length;
  console.log(`mutants: ${caught} of ${chosen.length} caught`);
  return caught === chosen.length ? 0 : 1;
}

/** What fails without any mutant. */
async function failureOfSound(chosen: readonly Mutant[]): Promise<string | undefined> {
  const workshop = await Workshop.open(root);
  try {
    const finding = await workshop.examineSound([...new Set(chosen.flatMap(({ tests }) => tests))]);
    if (finding.kind === 'survived') return undefined;
    return finding.kind === 'caught' ? finding.by : finding.why;
  } finally {
    await workshop.close();
  }
}

async function examineAll(chosen: readonly Mutant[]): Promise<Map<Mutant, Finding>> {
  const queue = [...chosen];
  const findings = new Map<Mutant, Finding>();
  const work = async () => {
    const workshop = await Workshop.open(root);
    try {
      for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
        const finding = await workshop.examine(mutant);
        findings.set(mutant, finding);
        console.error(`${findings.size}/${chosen.length} ${finding.kind.padEnd(8)} ${mutant.name}`);
      }
    } finally {
      await workshop.close();
    }
  };
  await Promise.all(Array.from({ length: Math.min(workshops, chosen.length) }, work));
  return findings;
}

function print(chosen: readonly Mutant[], findings: ReadonlyMap<Mutant, Finding>): void {
  const table = new Table({ head: ['mutant', '', 'by'], colWidths: [34, 10, 76], wordWrap: true });
  for (const mutant of chosen) {
    const finding = findings.get(mutant);
    if (!finding) continue;
    const detail =
      finding.kind === 'caught'
        ? finding.by
        : finding.kind === 'broken'
          ? finding.why
          : mutant.rule;
    table.push([mutant.name, finding.kind, detail]);
  }
  console.log(table.toString());
}

process.exitCode = await main(process.argv.slice(2));
