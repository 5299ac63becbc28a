import { ConcordatError, type NoData, noData } from '../error.js';

/**
 * - `malformed`: the bytes are no request, approval or record of this version.
 * - `wrong-cluster`: it is for another cluster.
 * - `not-its-own`: the request is not signed by the keys that it names.
 * - `bad-approval`: an approval is of another request, or not signed by the coordinator that it names.
 * - `too-few-approvals`: fewer coordinators than a quorum approve.
 * - `wrong-certificate`: the certificate is not the authority's for this request.
 * - `too-early`: the certificate is not valid yet.
 * - `taken`: the name, the address or a key is another's.
 * - `full`: the cluster has as many participants as it may.
 * - `locked`: another process approves for the same coordinator, or a crash has left its lock.
 */
export type EnrollmentErrorCode =
  | 'malformed'
  | 'wrong-cluster'
  | 'not-its-own'
  | 'bad-approval'
  | 'too-few-approvals'
  | 'wrong-certificate'
  | 'too-early'
  | 'taken'
  | 'full'
  | 'locked';

/** Why a request, an approval or a record is not taken. */
export class EnrollmentError extends ConcordatError<EnrollmentErrorCode, NoData> {
  override readonly name = 'EnrollmentError';
  readonly data = noData;

  constructor(
    readonly code: EnrollmentErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
