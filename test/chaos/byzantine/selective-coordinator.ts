import { runNode, standardRoles } from '../../../src/cli/node-process.js';
import { startCoordinator } from '../../../src/cli/nodes/coordinator-node.js';
import type { ReplicaId } from '../../../src/kernel/ids.js';
import { CoordinatorCore } from '../../../src/transaction/coordinator/core/coordinator.js';
import type { CoordinatorOutput } from '../../../src/transaction/coordinator/core/messages.js';

/**
 * A coordinator that keeps silent to some: it follows the protocol towards every second replica only,
 * tells no participant and no initiator any outcome, and answers nobody who asks it for a decision.
 */
class SelectiveCoordinator extends CoordinatorCore {
  readonly #friends: readonly ReplicaId[];

  constructor(options: ConstructorParameters<typeof CoordinatorCore>[0]) {
    super(options);
    const replicas = Array.from({ length: options.resilience.n }, (_, id) => id as ReplicaId);
    this.#friends = replicas.filter((id) => id !== options.self && id % 2 === 0);
  }

  override handle(
    ...args: Parameters<CoordinatorCore['handle']>
  ): ReturnType<CoordinatorCore['handle']> {
    return super.handle(...args).flatMap((output) => this.#selected(output));
  }

  #selected(output: CoordinatorOutput): readonly CoordinatorOutput[] {
    switch (output.kind) {
      case 'broadcast':
        return this.#friends.map((to) => ({ kind: 'send', to, message: output.message }));
      case 'send':
        return this.#friends.includes(output.to) ? [output] : [];
      case 'notify-participant':
        return output.notice === 'Prepare' ? [output] : [];
      case 'send-proof':
      case 'notify-initiator':
        return [];
      default:
        return [output];
    }
  }
}

const [file = ''] = process.argv.slice(2);
process.exitCode = await runNode(file, {
  ...standardRoles,
  coordinator: (options) =>
    startCoordinator({ ...options, createCore: (core) => new SelectiveCoordinator(core) }),
});
