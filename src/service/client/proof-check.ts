import { decodeDecisionProof } from '../../agreement/certificate.js';
import { type VerificationError, verifyDecisionProof } from '../../agreement/check-message.js';
import { findingText } from '../../agreement/finding-text.js';
import type { VerifiedDecisionProof } from '../../agreement/messages.js';
import type { Cluster } from '../../kernel/cluster.js';
import { WireError } from '../../kernel/codec/bytes.js';
import { failed, type Result } from '../../kernel/ids.js';
import { Keyring } from '../../kernel/keys.js';

/** Checks a proof with nothing but the cluster's public file. The error is for people, and says what to do. */
export function checkProof(
  cluster: Cluster,
  bytes: Uint8Array,
): Result<VerifiedDecisionProof, string> {
  try {
    const proof = decodeDecisionProof(cluster.id, bytes);
    const result = verifyDecisionProof(Keyring.of(cluster), proof);
    return result.ok ? result : failed(textOf(result.error));
  } catch (error) {
    if (error instanceof WireError) return failed(error.message);
    throw error;
  }
}

function textOf(error: VerificationError): string {
  const text = findingText(error);
  if (error.code !== 'unknown-signer' || error.signer.role !== 'participant') return text;
  return `${text}, which may have joined since; write one with it by "concordat merge" and its record`;
}
