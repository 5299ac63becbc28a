import { slotKey, type VerifiedDecisionProof } from '../../../src/agreement/messages.js';
import { quorum, type Resilience } from '../../../src/kernel/ids.js';
import type { Violation } from '../kit/violation.js';
import type { Facts } from './facts.js';

export interface ProofsContext {
  readonly facts: Facts;
  readonly resilience: Resilience;
  readonly correctCoordinators: readonly string[];
  /** The proof that a coordinator's disk holds for a slot. */
  readonly storedProof: (address: string, slot: string) => Uint8Array | undefined;
  /** Transactions that have not been forgotten by anybody, whose proofs must be there. */
  readonly isRemembered: (slot: string) => boolean;
  readonly read: (bytes: Uint8Array) => VerifiedDecisionProof | undefined;
}

/**
 * Every outcome is a proof that a third party can check, kept by so many correct coordinators that
 * one is left whichever `f` are gone: those of a quorum, less the liars in it.
 */
export function checkProofs(context: ProofsContext): readonly Violation[] {
  const { facts, resilience, correctCoordinators, storedProof, isRemembered, read } = context;
  const needed = quorum(resilience) - resilience.f;
  const problems: string[] = [];
  for (const [slot, [decision]] of facts.decisions) {
    let kept = 0;
    for (const address of correctCoordinators) {
      const bytes = storedProof(address, slot);
      if (bytes === undefined) continue;
      const proof = read(bytes);
      if (!proof) problems.push(`${address} keeps a proof of ${slot} that does not verify`);
      else if (
        slotKey(proof.commits.statement.slot) !== slot ||
        proof.commits.statement.digest !== decision?.digest
      ) {
        problems.push(`${address} keeps a proof of ${slot} that says something else`);
      } else kept += 1;
    }
    if (kept < needed && isRemembered(slot))
      problems.push(`${kept} correct coordinators keep the proof of ${slot}`);
  }
  return problems.map((what) => ({ checker: 'proofs-verify', what }));
}
