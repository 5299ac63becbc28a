import { startInitiator } from '../../src/banking/initiator/initiator-node.js';
import { runNode, standardRoles } from '../../src/cli/node-process.js';
import type { Core, StoredRecord, TimerInput } from '../../src/kernel/core.js';
import { Initiator } from '../../src/transaction/initiator/initiator.js';
import type {
  InitiatorInput,
  InitiatorOptions,
  InitiatorOutput,
} from '../../src/transaction/initiator/messages.js';

type Output = ReturnType<Core<InitiatorInput, InitiatorOutput>['handle']>;

/** An initiator that asks the banks for ten times the amount that the client asked for. */
class ByzantineInitiator implements Core<InitiatorInput, InitiatorOutput> {
  readonly #honest: Core<InitiatorInput, InitiatorOutput>;

  constructor(options: InitiatorOptions) {
    this.#honest = new Initiator(options);
  }

  restore(records: readonly StoredRecord[]): Output {
    return this.#honest.restore(records);
  }

  handle(input: InitiatorInput | TimerInput): Output {
    return this.#honest.handle(input).map((output) => {
      if (output.kind !== 'invoke-leg') return output;
      const call = { ...output.call, amountMinor: output.call.amountMinor * 10 };
      return { ...output, call };
    });
  }
}

const [file = ''] = process.argv.slice(2);
process.exitCode = await runNode(file, {
  ...standardRoles,
  initiator: (options) =>
    startInitiator({ ...options, createCore: (core) => new ByzantineInitiator(core) }),
});
