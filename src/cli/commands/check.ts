import { checkStore, type StoreReport, storesIn } from '../../kernel/store/check.js';
import { exitCodes, usageError } from '../exit.js';
import { printJson } from '../output.js';
import type { AddCommand } from './command.js';

export const addCheck: AddCommand = (program, finish) => {
  program
    .command('check')
    .description('check the stores of a node that does not run')
    .argument('<directory>', 'a node’s dataDir, or one store in it')
    .option('--json', 'print what it found as JSON')
    .addHelpText(
      'after',
      `
Verifies every record and that none is missing or old, names each bad one, and says
which format the store has (see docs/compatibility.md).
Exit status 0 where all is as it was written, 1 where it is not.
Changes no record, but opens the database, which may tidy up its files: copy a
damaged store first if you want to examine it further.

Example:
  concordat check .concordat/data/bank-a`,
    )
    .action(async (directory: string, { json = false }: { readonly json?: boolean }) => {
      const stores = await storesIn(directory);
      if (stores.length === 0) throw usageError(`${directory}: there is no store in it`);
      const reports: StoreReport[] = [];
      for (const store of stores) reports.push(await checkStore(store));
      const valid = reports.every(({ damages }) => damages.length === 0);
      if (json) printJson({ valid, stores: reports });
      else for (const report of reports) console.log(textOf(report));
      if (!valid) finish(exitCodes.failed);
    });
};

function textOf({ directory, records, damages, format }: StoreReport): string {
  const kinds = Object.entries(records).map(([kind, count]) => `  ${kind}: ${count}`);
  const bad = damages.map(({ key, what }) => `  BAD ${JSON.stringify(key)}: ${what}`);
  const verdict = damages.length === 0 ? 'as it was written' : 'DAMAGED';
  const version = format === undefined ? [] : [`  (store format ${format})`];
  return [`${directory}: ${verdict}`, ...kinds, ...version, ...bad].join('\n');
}
