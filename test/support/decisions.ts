import { encodeDecisionProof } from '../../src/agreement/certificate.js';
import { type DecisionProof, slotKey } from '../../src/agreement/messages.js';
import type { StoreWrite } from '../../src/kernel/core.js';

/** How a coordinator stores the decision. */
export function storedAs(proof: DecisionProof): StoreWrite {
  const key = `decided/${slotKey(proof.commits.statement.slot)}`;
  return { key, value: encodeDecisionProof(proof) };
}
