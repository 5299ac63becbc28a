import type { AddCommand } from './command.js';

export const addRun: AddCommand = (program, finish) => {
  program
    .command('run')
    .description('run one node, until SIGTERM or SIGINT; logs JSON lines on standard output')
    .argument('<node-file>', 'the node’s private file; it says what the node is')
    .addHelpText(
      'after',
      `
Environment:
  CONCORDAT_LOG_LEVEL  debug, info (the default), warn, error or silent
  CONCORDAT_TRACE      a file that gets every SOAP envelope sent, one JSON string a line

Example:
  concordat run .concordat/nodes/coordinator-0.json`,
    )
    .action(async (nodeFile: string) => {
      // Loads every role; the other commands do without.
      const { runNode } = await import('../node-process.js');
      finish(await runNode(nodeFile));
    });
};
