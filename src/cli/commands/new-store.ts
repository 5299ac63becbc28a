import { join } from 'node:path';
import { loadNode } from '../../edge/config/node-file.js';
import { createStore } from '../../edge/store/store.js';
import { usageError } from '../exit.js';
import type { AddCommand } from './command.js';

export const addNewStore: AddCommand = (program) => {
  program
    .command('new-store')
    .description('give a bank an empty store; its accounts open again with what its file says')
    .argument('<node-file>', 'the bank’s private file')
    .addHelpText(
      'after',
      `
For a bank whose store and backups are lost for good: put what the books say into its
file first. Refuses where there is a store, or what is left of one.

Example:
  concordat new-store .concordat/nodes/bank-a.json`,
    )
    .action(async (nodeFile: string) => {
      const node = await loadNode(nodeFile);
      if (node.role !== 'participant') throw usageError(`${nodeFile} is not a bank's`);
      const directory = join(node.dataDir, 'store');
      await createStore(directory);
      console.log(`Made an empty store in ${directory}.`);
    });
};
