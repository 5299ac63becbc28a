import { runNode, standardRoles } from 'concordat';
import { BankCore, startBank } from 'concordat/participant';

type Input = Parameters<BankCore['handle']>[0];
type Output = ReturnType<BankCore['handle']>;

/** A bank whose process dies, as by SIGKILL, when the outcome comes of what it has voted for. */
class CrashingBank extends BankCore {
  readonly #voted = new Set<string>();

  override handle(input: Input): Output {
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
