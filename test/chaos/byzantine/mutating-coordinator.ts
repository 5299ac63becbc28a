import type { PhaseStatement, SlotResult } from '../../../src/agreement/messages.js';
import { signStatement } from '../../../src/agreement/signing.js';
import { runNode, standardRoles } from '../../../src/cli/node-process.js';
import { startCoordinator } from '../../../src/cli/nodes/coordinator-node.js';
import { attempt, type ReplicaId, view } from '../../../src/kernel/ids.js';
import {
  CoordinatorCore,
  type CoordinatorOptions,
} from '../../../src/transaction/coordinator/core/coordinator.js';
import type { CoordinatorOutput } from '../../../src/transaction/coordinator/core/messages.js';

/**
 * A coordinator that changes what it signs a little, another way each time: the view or the attempt
 * off by one, or the outcome the other one. It says so to all but one, who hears the truth, and it
 * tells participants and initiators the wrong outcome under the true certificate.
 */
class MutatingCoordinator extends CoordinatorCore {
  readonly #options: CoordinatorOptions;
  #turn = 0;

  constructor(options: CoordinatorOptions) {
    super(options);
    this.#options = options;
  }

  override handle(
    ...args: Parameters<CoordinatorCore['handle']>
  ): ReturnType<CoordinatorCore['handle']> {
    return super.handle(...args).flatMap((output) => this.#mutated(output));
  }

  #mutated(output: CoordinatorOutput): readonly CoordinatorOutput[] {
    switch (output.kind) {
      case 'broadcast':
        if (output.message.kind !== 'phase') return [output];
        return this.#toEach(output.message.signed.statement);
      case 'notify-participant':
        if (output.notice === 'Prepare') return [output];
        return [{ ...output, notice: output.notice === 'Commit' ? 'Rollback' : 'Commit' }];
      case 'notify-initiator':
        return [{ ...output, outcome: output.outcome === 'commit' ? 'abort' : 'commit' }];
      default:
        return [output];
    }
  }

  #toEach(statement: PhaseStatement): readonly CoordinatorOutput[] {
    const { sign, cluster, self, resilience } = this.#options;
    const lie = this.#lie(statement);
    const others = Array.from({ length: resilience.n }, (_, id) => id as ReplicaId).filter(
      (id) => id !== self,
    );
    return others.map((to, index) => {
      const signed = signStatement(sign, cluster, index === 0 ? statement : lie);
      return { kind: 'send', to, message: { kind: 'phase', signed } };
    });
  }

  #lie(statement: PhaseStatement): PhaseStatement {
    const { ballot, result } = statement;
    this.#turn += 1;
    switch (this.#turn % 3) {
      case 0:
        return { ...statement, ballot: { ...ballot, view: view(ballot.view + 1) } };
      case 1:
        return { ...statement, ballot: { ...ballot, attempt: attempt(ballot.attempt + 1) } };
      default:
        return { ...statement, result: opposite(result) };
    }
  }
}

function opposite(result: SlotResult): SlotResult {
  if (result.kind === 'activation') return result;
  return { ...result, outcome: result.outcome === 'commit' ? 'abort' : 'commit' };
}

const [file = ''] = process.argv.slice(2);
process.exitCode = await runNode(file, {
  ...standardRoles,
  coordinator: (options) =>
    startCoordinator({ ...options, createCore: (core) => new MutatingCoordinator(core) }),
});
