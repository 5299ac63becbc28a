export {
  decodeCommitCertificate,
  decodeDecisionProof,
  decodePreparedCertificate,
  encodeCommitCertificate,
  encodeDecisionProof,
  encodePreparedCertificate,
} from './certificate.js';
export { WireError } from './error.js';
export { encodeActivationName, encodeActivationRequest } from './leaf-statement.js';
export { limits } from './limits.js';
export { decodePeerMessage, encodePeerMessage } from './peer-message.js';
export { decodeRequests, encodeRequests } from './requests.js';
export {
  decisionProofBytesMax,
  newViewBytesMax,
  preparedCertificateBytesMax,
  sizeLimits,
  viewChangeBytesMax,
  viewChangeHeadBytesMax,
} from './sizes.js';
export {
  type AnyStatement,
  decodeSigned,
  decodeSignedInvitation,
  decodeSignedStatement,
  decodeStatement,
  encodeSigned,
  encodeStatement,
} from './statement.js';
export { decodeValue, encodeValue } from './value.js';
