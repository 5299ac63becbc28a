import { readFile, stat } from 'node:fs/promises';
import { decisionProofBytesMax } from '../../agreement/sizes.js';
import { checkProof } from '../../service/client/proof-check.js';
import { loadPublic } from '../client.js';
import { exitCodes, usageError } from '../exit.js';
import { printJson } from '../output.js';
import { summarize, summaryText } from '../proof-summary.js';
import { type AddCommand, defaultClusterFile } from './command.js';

interface Options {
  readonly cluster: string;
  readonly json?: boolean;
}

export const addVerify: AddCommand = (program, finish) => {
  program
    .command('verify')
    .description('check an outcome proof offline, with nothing but the cluster’s public file')
    .argument('<file>', 'the proof, as "concordat proof" wrote it')
    .option('-c, --cluster <file>', 'the cluster’s public file', defaultClusterFile)
    .option('--json', 'print what it proves as JSON')
    .addHelpText(
      'after',
      `
Exit status 0 where the proof is valid, 1 where it is not.

Example:
  concordat verify transfer.proof --cluster cluster.json`,
    )
    .action(async (file: string, { cluster: clusterFile, json = false }: Options) => {
      const cluster = await loadPublic(clusterFile);
      const checked = checkProof(cluster, await readProof(file));
      if (checked.ok) {
        const summary = summarize(cluster, checked.value);
        if (json) printJson({ valid: true, ...summary });
        else console.log(summaryText(summary));
        return;
      }
      if (json) printJson({ valid: false, error: checked.error });
      else console.log(`INVALID: ${checked.error}`);
      finish(exitCodes.failed);
    });
};

/** Too long a file is cut, and so is no proof. */
async function readProof(file: string): Promise<Uint8Array> {
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) {
    throw usageError(`${file}: no such file; "concordat proof TID" fetches one`);
  }
  return found.size > decisionProofBytesMax ? new Uint8Array() : await readFile(file);
}
