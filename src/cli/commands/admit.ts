import { writeFile } from 'node:fs/promises';
import { loadPublic } from '../client.js';
import { type Answer, recordOf, sendRecord } from '../enrollment/records.js';
import { type ExitCode, exitCodes } from '../exit.js';
import { printJson, table } from '../output.js';
import { type AddCommand, defaultClusterFile } from './command.js';

interface Options {
  readonly cluster: string;
  readonly output?: string;
  /** `--no-send` */
  readonly send: boolean;
  readonly json?: boolean;
}

export const addAdmit: AddCommand = (program, finish) => {
  program
    .command('admit')
    .description('make the record of an enrollment, and send it to the nodes that run')
    .argument('<files...>', 'the request, its certificate and its approvals; or its record')
    .option('-c, --cluster <file>', 'the cluster’s public file', defaultClusterFile)
    .option('-o, --output <file>', 'the record (default: NAME.record)')
    .option('--no-send', 'only write it')
    .option('--json', 'print what the nodes answered as JSON')
    .addHelpText(
      'after',
      `
Each node verifies the record itself, keeps it in its dataDir, and knows the participant at once. Any
party may send it. Send it again, by naming the record alone, until all nodes have it.
Exit status 0 where all know it, 1 where a node refuses it, 3 where a node did not answer.

Examples:
  concordat admit hotel.request hotel.crt hotel.*.approval
  concordat admit hotel.record`,
    )
    .action(async (files: readonly string[], options: Options) => {
      const cluster = await loadPublic(options.cluster);
      const record = await recordOf(cluster, files);
      const path = options.output ?? `${record.member.name}.record`;
      await writeFile(path, record.file);
      const answers = options.send ? await sendRecord(cluster, record) : [];
      if (options.json) printJson({ record: path, nodes: answers });
      else console.log(`Made ${path}.${answers.length > 0 ? `\n${tableOf(answers)}` : ''}`);
      finish(exitCodeOf(answers));
    });
};

function tableOf(answers: readonly Answer[]): string {
  const rows = answers.map(({ name, admission, refusal }) => [
    name,
    admission ?? (refusal === undefined ? 'NO ANSWER' : `REFUSED: ${refusal}`),
  ]);
  return table(['NODE', 'PARTICIPANT'], rows);
}

function exitCodeOf(answers: readonly Answer[]): ExitCode {
  if (answers.some(({ refusal }) => refusal !== undefined)) return exitCodes.failed;
  return answers.every(({ admission }) => admission !== undefined)
    ? exitCodes.ok
    : exitCodes.unreachable;
}
