import { join } from 'node:path';
import { loadNode, type NodeFile } from '../../kernel/config/node-file.js';
import { createStore } from '../../kernel/store/store.js';
import { usageError } from '../exit.js';
import type { AddCommand } from './command.js';

/** Where a node keeps what it must not lose; undefined where it may. */
function storeOf(node: NodeFile): string | undefined {
  if (node.role === 'participant') return join(node.dataDir, 'store');
  return node.role === 'front' ? join(node.dataDir, 'requests') : undefined;
}

export const addNewStore: AddCommand = (program) => {
  program
    .command('new-store')
    .description('give a bank or a front door an empty store, in place of one that is gone')
    .argument('<node-file>', 'its private file')
    .addHelpText(
      'after',
      `
For a bank whose store and backups are lost for good: its accounts open again with what
its file says, so put what the books say into it first. A front door forgets every request
that callers have named: one that is sent again is a new one, and is paid again.
Refuses where there is a store, or what is left of one.

Example:
  concordat new-store .concordat/nodes/bank-a.json`,
    )
    .action(async (nodeFile: string) => {
      const node = await loadNode(nodeFile);
      const directory = storeOf(node);
      if (directory === undefined)
        throw usageError(`${nodeFile} is not a bank's or a front door's`);
      await createStore(directory);
      console.log(`Made an empty store in ${directory}.`);
    });
};
