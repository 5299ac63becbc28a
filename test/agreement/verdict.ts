import type { VerificationError } from '../../src/agreement/check-signature.js';
import type { Result } from '../../src/kernel/ids.js';

/** The error's code and particular, or `ok`. */
export function verdict(result: Result<unknown, VerificationError>): string {
  if (result.ok) return 'ok';
  const { error } = result;
  switch (error.code) {
    case 'unknown-signer':
    case 'bad-signature':
      return `${error.code}: ${error.signer.role} ${error.signer.id}`;
    case 'wrong-signer':
      return `${error.code}: ${error.rule}`;
    case 'wrong-kind':
      return `${error.code}: ${error.found}`;
    case 'wrong-count':
      return `${error.code}: ${error.count} of ${error.needed} ${error.what}`;
    case 'unordered':
    case 'mismatch':
      return `${error.code}: ${error.what}`;
    case 'uninvited':
    case 'unfounded-outcome':
      return `${error.code}: ${error.reason}`;
  }
}
