import { runNode, standardRoles } from 'concordat';
import type { PhaseStatement } from '../../src/agreement/messages.js';
import { signStatement } from '../../src/agreement/signing.js';
import { type CoordinatorLike, startCoordinator } from '../../src/cli/nodes/coordinator-node.js';
import { digest, type ReplicaId } from '../../src/kernel/ids.js';
import type { Signed } from '../../src/kernel/signed.js';
import {
  CoordinatorCore,
  type CoordinatorOptions,
} from '../../src/transaction/coordinator/core/coordinator.js';
import type {
  CoordinatorInput,
  CoordinatorOutput,
} from '../../src/transaction/coordinator/core/messages.js';

/**
 * A coordinator that lies with its own good key: it tells one bank to commit and the other one to roll
 * back, the moment they are asked to prepare and again once all is decided, and it signs prepares and
 * commits that contradict each other.
 */
class ByzantineCoordinator implements CoordinatorLike {
  readonly #honest: CoordinatorCore;
  readonly #options: CoordinatorOptions;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.#honest = new CoordinatorCore(options);
  }

  get status(): object {
    return { ...this.#honest.status, byzantine: true };
  }

  needs(...message: Parameters<CoordinatorCore['needs']>): boolean {
    return this.#honest.needs(...message);
  }

  restore(records: Parameters<CoordinatorCore['restore']>[0]): readonly CoordinatorOutput[] {
    return this.#honest.restore(records).flatMap((output) => this.#twist(output));
  }

  handle(input: CoordinatorInput | { kind: 'timer'; name: string }): readonly CoordinatorOutput[] {
    return this.#honest.handle(input).flatMap((output) => this.#twist(output));
  }

  #twist(output: CoordinatorOutput): readonly CoordinatorOutput[] {
    if (output.kind === 'notify-participant') {
      const { registration } = output;
      const notice = registration.participant === 'bank-a' ? 'Commit' : 'Rollback';
      const lie: CoordinatorOutput = { kind: 'notify-participant', notice, registration };
      return output.notice === 'Prepare' ? [output, lie] : [lie];
    }
    if (output.kind === 'broadcast' && output.message.kind === 'phase') {
      return this.#equivocate(output.message.signed);
    }
    return [output];
  }

  /** The truth to one half of the others, a contradiction to the other half. */
  #equivocate(signed: Signed<PhaseStatement>): readonly CoordinatorOutput[] {
    const { sign, cluster, self, resilience } = this.#options;
    const contradiction = signStatement(sign, cluster, {
      ...signed.statement,
      digest: digest('00'.repeat(32)),
    });
    const others = Array.from({ length: resilience.n }, (_, id) => id as ReplicaId);
    return others
      .filter((to) => to !== self)
      .map((to) => ({
        kind: 'send',
        to,
        message: { kind: 'phase', signed: to % 2 === 0 ? signed : contradiction },
      }));
  }
}

const [file = ''] = process.argv.slice(2);
process.exitCode = await runNode(file, {
  ...standardRoles,
  coordinator: (options) =>
    startCoordinator({ ...options, createCore: (core) => new ByzantineCoordinator(core) }),
});
