import { startInitiator } from '../../../src/banking/initiator/initiator-node.js';
import type { InitiatorCall } from '../../../src/banking/initiator/outbound.js';
import { runNode, standardRoles } from '../../../src/cli/node-process.js';
import type { Core } from '../../../src/kernel/core.js';
import { Initiator } from '../../../src/transaction/initiator/initiator.js';
import type {
  InitiatorInput,
  InitiatorOptions,
  InitiatorOutput,
} from '../../../src/transaction/initiator/messages.js';

type Outputs = ReturnType<
  Core<InitiatorInput<InitiatorCall>, InitiatorOutput<InitiatorCall>>['handle']
>;

/**
 * An initiator that asks one half of the coordinators to commit and the other one to roll back, that
 * asks for the first leg only, and that tells clients the opposite of what became of their transfers.
 */
class TwoFacedInitiator
  implements Core<InitiatorInput<InitiatorCall>, InitiatorOutput<InitiatorCall>>
{
  readonly #honest: Core<InitiatorInput<InitiatorCall>, InitiatorOutput<InitiatorCall>>;
  readonly #sign: InitiatorOptions['sign'];

  constructor(options: InitiatorOptions) {
    this.#honest = new Initiator(options);
    this.#sign = options.sign;
  }

  restore(
    ...args: Parameters<
      Core<InitiatorInput<InitiatorCall>, InitiatorOutput<InitiatorCall>>['restore']
    >
  ): Outputs {
    return this.#honest.restore(...args);
  }

  handle(
    ...args: Parameters<
      Core<InitiatorInput<InitiatorCall>, InitiatorOutput<InitiatorCall>>['handle']
    >
  ): Outputs {
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
    output: Extract<InitiatorOutput<InitiatorCall>, { kind: 'send-completion' }>,
  ): readonly InitiatorOutput<InitiatorCall>[] {
    const { to, statement: signed } = output;
    return (['commit', 'rollback'] as const).map((decision, half) => ({
      ...output,
      to: to.filter((replica) => replica % 2 === half),
      statement: this.#sign({ ...signed.statement, decision }),
    }));
  }
}

function opposite(
  reply: Extract<InitiatorOutput<InitiatorCall>, { kind: 'answer' }>['reply'],
): Extract<InitiatorOutput<InitiatorCall>, { kind: 'answer' }>['reply'] {
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
