import { writeFile } from 'node:fs/promises';
import type { TransactionId } from '../../kernel/ids.js';
import { fetchProof } from '../../service/client/proof-fetch.js';
import { parseTransactionId } from '../arguments.js';
import { loadPublic } from '../client.js';
import { CliError } from '../exit.js';
import { printJson } from '../output.js';
import { summarize, summaryText } from '../proof-summary.js';
import { type AddCommand, defaultClusterFile } from './command.js';

interface Options {
  readonly cluster: string;
  readonly output?: string;
  readonly json?: boolean;
}

export const addProof: AddCommand = (program) => {
  program
    .command('proof')
    .description('fetch the proof of a transaction’s outcome, verify it, and keep it')
    .argument('<tid>', 'transaction id', parseTransactionId)
    .option('-c, --cluster <file>', 'the cluster’s public file', defaultClusterFile)
    .option('-o, --output <file>', 'where to write it (default: TID.proof)')
    .option('--json', 'print what it proves as JSON')
    .addHelpText(
      'after',
      `
Asks one coordinator after another until one has a valid proof. Exit status 1 where none has.

Example:
  concordat proof 3f0c2c5e-4d6f-8a61-9c1e-0b7d5f1a2e3c -o transfer.proof`,
    )
    .action(async (tid: TransactionId, { cluster: clusterFile, output, json }: Options) => {
      const cluster = await loadPublic(clusterFile);
      const search = await fetchProof(cluster, tid, { timeoutMs: 5000 });
      if (search.kind === 'none') {
        throw new CliError(
          search.answered ? 'failed' : 'unreachable',
          `no coordinator gave a proof of ${tid} (${search.said.join('; ')})`,
        );
      }
      const { bytes, proof } = search;
      const file = output ?? `${tid}.proof`;
      await writeFile(file, bytes);
      const summary = summarize(cluster, proof);
      if (json) return printJson({ file, ...summary });
      console.log(`${summaryText(summary)}\n\nwritten to ${file}`);
    });
};
