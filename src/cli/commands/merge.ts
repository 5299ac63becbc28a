import { merge } from '../enrollment/records.js';
import { printJson } from '../output.js';
import { type AddCommand, defaultClusterFile } from './command.js';

interface Options {
  readonly cluster: string;
  readonly output: string;
  readonly json?: boolean;
}

export const addMerge: AddCommand = (program) => {
  program
    .command('merge')
    .description('write a cluster file with enrolled participants in it')
    .argument('<records...>', 'their records, as "concordat admit" wrote them')
    .requiredOption('-o, --output <file>', 'the cluster file to write, or to replace')
    .option('-c, --cluster <file>', 'the cluster’s public file', defaultClusterFile)
    .option('--json', 'print what was written as JSON')
    .addHelpText(
      'after',
      `
For verifiers of proofs of transactions with these participants, and for clients. Verifies each record
against the cluster's file. Nodes need no such file, and may be given it at their next start.

Example:
  concordat merge hotel.record -o cluster.json`,
    )
    .action(async (records: readonly string[], { cluster, output, json = false }: Options) => {
      const { participants } = await merge(cluster, records, output);
      if (json) return printJson({ file: output, participants });
      console.log(`Wrote ${output}, with ${participants.join(', ')}.`);
    });
};
