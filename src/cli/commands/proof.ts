import { writeFile } from 'node:fs/promises';
import type { VerifiedDecisionProof } from '../../agreement/messages.js';
import { decisionProofBytesMax } from '../../agreement/sizes.js';
import type { Cluster } from '../../kernel/cluster.js';
import { loadCluster } from '../../kernel/config/cluster-file.js';
import type { TransactionId } from '../../kernel/ids.js';
import { parseTransactionId } from '../arguments.js';
import { CliError } from '../exit.js';
import { httpGet } from '../http-get.js';
import { printJson } from '../output.js';
import { checkProof } from '../proof-check.js';
import { summarize, summaryText } from '../proof-summary.js';
import { type AddCommand, defaultClusterFile } from './command.js';

interface Options {
  readonly cluster: string;
  readonly output?: string;
  readonly json?: boolean;
}

interface Found {
  readonly bytes: Uint8Array;
  readonly proof: VerifiedDecisionProof;
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
      const cluster = await loadCluster(clusterFile);
      const { bytes, proof } = await fetchProof(cluster, tid);
      const file = output ?? `${tid}.proof`;
      await writeFile(file, bytes);
      const summary = summarize(cluster, proof);
      if (json) return printJson({ file, ...summary });
      console.log(`${summaryText(summary)}\n\nwritten to ${file}`);
    });
};

async function fetchProof(cluster: Cluster, tid: TransactionId): Promise<Found> {
  const said: string[] = [];
  let answered = false;
  for (const { name, url } of cluster.coordinators) {
    const answer = await httpGet(`${url}/proof/${tid}`, {
      timeoutMs: 5000,
      maxBytes: decisionProofBytesMax,
    });
    answered ||= answer !== undefined;
    if (answer?.status === 200) {
      const found = check(cluster, tid, answer.body);
      if (typeof found !== 'string') return found;
      said.push(`${name}: bad proof: ${found}`);
    } else said.push(`${name}: ${answer === undefined ? 'no answer' : 'has none'}`);
  }
  throw new CliError(
    answered ? 'failed' : 'unreachable',
    `no coordinator gave a proof of ${tid} (${said.join('; ')})`,
  );
}

/** The proof, or what is wrong with it. */
function check(cluster: Cluster, tid: TransactionId, bytes: Uint8Array): Found | string {
  const checked = checkProof(cluster, bytes);
  if (!checked.ok) return checked.error;
  const { value } = checked.value;
  if (value.kind !== 'outcome' || value.tid !== tid) return 'it is of something else';
  return { bytes, proof: checked.value };
}
