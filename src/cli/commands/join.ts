import { joinCluster } from '../enrollment/newcomer.js';
import { printJson } from '../output.js';
import type { AddCommand } from './command.js';

export const addJoin: AddCommand = (program) => {
  program
    .command('join')
    .description('complete the private file of a newcomer that was enrolled')
    .argument('<node-file>', 'the newcomer’s private file')
    .argument('<file>', 'the record of a participant, or the certificate of a client')
    .option('--json', 'print what was written as JSON')
    .addHelpText(
      'after',
      `
A participant's store is made as well; start it with "concordat run". With a later record or
certificate the private file receives that one, and counts from the next start.

Examples:
  concordat join nodes/hotel.json hotel.record
  concordat join nodes/bob.json bob.crt`,
    )
    .action(async (nodeFile: string, file: string, { json = false }: { json?: boolean }) => {
      const { files } = await joinCluster(nodeFile, file);
      if (json) return printJson({ files });
      console.log(`Wrote ${files.join(', ')}.`);
    });
};
