import { BankCore, type BankInput } from '../../src/banking/bank/bank-core.js';
import { startBank } from '../../src/banking/bank/bank-node.js';
import { runNode, standardRoles } from '../../src/cli/node-process.js';
import type { TimerInput } from '../../src/kernel/core.js';
import type { TransactionId } from '../../src/kernel/ids.js';

/** A bank whose process dies, as by SIGKILL, when the outcome comes of what it has voted for. */
class CrashingBank extends BankCore {
  readonly #voted = new Set<TransactionId>();

  override handle(input: BankInput | TimerInput): ReturnType<BankCore['handle']> {
    const isOutcome = input.kind === 'notified' && input.message !== 'prepare';
    if (isOutcome && this.#voted.has(input.ref.tid)) process.kill(process.pid, 'SIGKILL');
    const outputs = super.handle(input);
    for (const output of outputs) {
      if (output.kind === 'send-vote') this.#voted.add(output.statement.statement.tid);
    }
    return outputs;
  }
}

const [file = ''] = process.argv.slice(2);
process.exitCode = await runNode(file, {
  ...standardRoles,
  participant: (options) =>
    startBank({
      ...options,
      createCore: (core, openingAccounts) => new CrashingBank(core, openingAccounts),
    }),
});
