import { addClient } from '../init.js';
import { printJson } from '../output.js';
import { type AddCommand, defaultDirectory } from './command.js';

interface Options {
  readonly directory: string;
  readonly json?: boolean;
}

export const addAddClient: AddCommand = (program) => {
  program
    .command('add-client')
    .description('issue a certificate to a further client')
    .argument('<name>', 'its name: letters, digits, ".", "_" and "-"')
    .option('-d, --directory <directory>', 'where init wrote the cluster', defaultDirectory)
    .option('--json', 'print what was written as JSON')
    .addHelpText(
      'after',
      `
Needs authority-key.pem in that directory. Writes nodes/NAME.json, which is for that client alone; no
node has to be told.

Example:
  concordat add-client shop`,
    )
    .action(async (name: string, { directory, json = false }: Options) => {
      const { files } = await addClient({ directory, name });
      if (json) return printJson({ files });
      console.log(`Made ${files.join(', ')}: give it to "transfer" and "balance" with --client.`);
    });
};
