import { unreachable } from '../kernel/ids.js';
import type { VerificationError } from './check-signature.js';

/** What a check found, in words for people. */
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
