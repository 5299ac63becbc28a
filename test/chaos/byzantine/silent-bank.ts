import { BankCore } from '../../../src/banking/bank/bank-core.js';
import { startBank } from '../../../src/banking/bank/bank-node.js';
import { runNode, standardRoles } from '../../../src/cli/node-process.js';

/** A bank that registers and votes as it must, and acknowledges no outcome. */
class SilentBank extends BankCore {
  override handle(...args: Parameters<BankCore['handle']>): ReturnType<BankCore['handle']> {
    return super.handle(...args).filter(({ kind }) => kind !== 'send-acknowledgement');
  }
}

const [file = ''] = process.argv.slice(2);
process.exitCode = await runNode(file, {
  ...standardRoles,
  participant: (options) =>
    startBank({
      ...options,
      createCore: (core, openingAccounts) => new SilentBank(core, openingAccounts),
    }),
});
