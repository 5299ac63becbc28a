import { startInitiator } from '../../../src/banking/initiator/initiator-node.js';
import { runNode, standardRoles } from '../../../src/cli/node-process.js';
import type { Core } from '../../../src/kernel/core.js';
import { Initiator } from '../../../src/transaction/initiator/initiator.js';
import type {
  InitiatorInput,
  InitiatorOptions,
  InitiatorOutput,
} from '../../../src/transaction/initiator/messages.js';

type Outputs = ReturnType<Core<InitiatorInput, InitiatorOutput>['handle']>;

/**
 * An initiator that asks one half of the coordinators to commit and the other one to roll back, that
 * asks for the first leg only, and that tells clients the opposite of what became of their transfers.
 */
class TwoFacedInitiator implements Core<InitiatorInput, InitiatorOutput> {
  readonly #honest: Core<InitiatorInput, InitiatorOutput>;
  readonly #sign: InitiatorOptions['sign'];

  constructor(options: InitiatorOptions) {
    this.#honest = new Initiator(options);
    this.#sign = options.sign;
  }

  restore(...args: Parameters<Core<InitiatorInput, InitiatorOutput>['restore']>): Outputs {
    return this.#honest.restore(...args);
  }

  handle(...args: Parameters<Core<InitiatorInput, InitiatorOutput>['handle']>): Outputs {
    return this.#honest.handle(...args).flatMap((output): Outputs => {
      switch (output.kind) {
        case 'send-completion':
          return this.#bothDecisions(output);
        case 'invoke-leg':
          return output.leg === 0 ? [output] : [];
        case 'answer':
          return [{ ...output, reply: opposite(output.reply) }];
        default:
          return [output];
      }
    });
  }

  #bothDecisions(
    output: Extract<InitiatorOutput, { kind: 'send-completion' }>,
  ): readonly InitiatorOutput[] {
    const { to, statement: signed } = output;
    return (['commit', 'rollback'] as const).map((decision, half) => ({
      ...output,
      to: to.filter((replica) => replica % 2 === half),
      statement: this.#sign({ ...signed.statement, decision }),
    }));
  }
}

function opposite(
  reply: Extract<InitiatorOutput, { kind: 'answer' }>['reply'],
): Extract<InitiatorOutput, { kind: 'answer' }>['reply'] {
  if (reply.kind !== 'outcome') return reply;
  const { transactionId } = reply;
  return reply.outcome === 'committed'
    ? { kind: 'outcome', transactionId, outcome: 'aborted', reason: 'ParticipantTimeout' }
    : { kind: 'outcome', transactionId, outcome: 'committed' };
}

const [file = ''] = process.argv.slice(2);
process.exitCode = await runNode(file, {
  ...standardRoles,
  initiator: (options) =>
    startInitiator({ ...options, createCore: (core) => new TwoFacedInitiator(core) }),
});
