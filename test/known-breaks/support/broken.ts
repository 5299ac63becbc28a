import type { PeerMessage } from '../../../src/agreement/messages.js';
import type { TimerInput } from '../../../src/kernel/core.js';
import {
  CoordinatorCore,
  type CoordinatorOptions,
} from '../../../src/transaction/coordinator/core/coordinator.js';
import type {
  CoordinatorInput,
  CoordinatorOutput,
} from '../../../src/transaction/coordinator/core/messages.js';

export type CreateCore = (options: CoordinatorOptions) => CoordinatorCore;
type Input = CoordinatorInput | TimerInput;

/** How a replica breaks a rule. */
export interface BrokenRule {
  /** What it makes of an input; undefined drops it. */
  hears?(input: Input): Input | undefined;
  /** What it does in place of what it should. */
  does?(outputs: readonly CoordinatorOutput[]): readonly CoordinatorOutput[];
}

/** The production core but for one rule. */
class BrokenCore extends CoordinatorCore {
  readonly #rule: BrokenRule;

  constructor(options: CoordinatorOptions, rule: BrokenRule) {
    super(options);
    this.#rule = rule;
  }

  override handle(input: Input): readonly CoordinatorOutput[] {
    const heard = this.#rule.hears ? this.#rule.hears(input) : input;
    const outputs = heard ? super.handle(heard) : [];
    return this.#rule.does?.(outputs) ?? outputs;
  }
}

/** Makes cores that break a rule; each gets one of its own, and a new one at every start. */
export function breaking(makeRule: (options: CoordinatorOptions) => BrokenRule): CreateCore {
  return (options) => new BrokenCore(options, makeRule(options));
}

/** Leaves out what the predicate names. */
export function leavingOut(isLeftOut: (output: CoordinatorOutput) => boolean): CreateCore {
  return breaking(() => ({ does: (outputs) => outputs.filter((one) => !isLeftOut(one)) }));
}

/** The peer message in an input or an output, if it is one. */
export function messageIn(one: Input | CoordinatorOutput): PeerMessage | undefined {
  if (one.kind === 'peer') return one.message.message;
  return one.kind === 'send' || one.kind === 'broadcast' ? one.message : undefined;
}
