import { decodeDecisionProof } from '../agreement/certificate.js';
import { verifyDecisionProof } from '../agreement/check-message.js';
import type { VerificationError } from '../agreement/check-signature.js';
import type { VerifiedDecisionProof } from '../agreement/messages.js';
import type { Cluster } from '../kernel/cluster.js';
import { WireError } from '../kernel/codec/bytes.js';
import { failed, type Result, unreachable } from '../kernel/ids.js';
import { Keyring } from '../kernel/keys.js';

/** Checks a proof with nothing but the cluster's public file. The error is for people. */
export function checkProof(
  cluster: Cluster,
  bytes: Uint8Array,
): Result<VerifiedDecisionProof, string> {
  try {
    const proof = decodeDecisionProof(cluster.id, bytes);
    const result = verifyDecisionProof(Keyring.of(cluster), proof);
    return result.ok ? result : failed(findingText(result.error));
  } catch (error) {
    if (error instanceof WireError) return failed(error.message);
    throw error;
  }
}

/** In words for people. */
export function findingText(error: VerificationError): string {
  switch (error.code) {
    case 'unknown-signer':
      return `the cluster file names no ${error.signer.role} ${error.signer.id}`;
    case 'bad-signature':
      return `the signature of ${error.signer.role} ${error.signer.id} is not its own`;
    case 'wrong-signer':
      return `signed by ${error.signer.role} ${error.signer.id}, but ${error.rule}`;
    case 'wrong-kind':
      return `holds ${error.found} where ${error.expected} belongs`;
    case 'wrong-count':
      return `${error.count} ${error.what} instead of ${error.needed}`;
    case 'unordered':
      return `${error.what}: not in order, or one twice`;
    case 'mismatch':
      return `does not fit together: ${error.what}`;
    case 'uninvited':
      return `${error.participant} was not invited: ${error.reason}`;
    case 'unfounded-outcome':
      return error.reason;
    default:
      return unreachable(error);
  }
}
