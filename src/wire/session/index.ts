export {
  encodeCallResult,
  encodeTransfers,
  readApplication,
  readCallResult,
  readCount,
  readKey,
  readLongText,
  readSessionId,
  readTransfers,
  writeApplication,
  writeCallResult,
  writeCount,
  writeKey,
  writeLongText,
  writeSessionId,
  writeTransfers,
} from './fields.js';
export { sessionWireLimits } from './limits.js';
export { decodeSessionMessage, encodeSessionMessage } from './message.js';
export {
  decodeBrokenPromise,
  decodeCertifiedOrder,
  decodeOutcomeProof,
  decodeStateProof,
  encodeBrokenPromise,
  encodeCertifiedOrder,
  encodeOutcome,
  encodeOutcomeProof,
  encodeStanding,
  encodeStateProof,
  readOutcome,
  readSessionCertificate,
  writeOutcome,
  writeSessionCertificate,
} from './proof.js';
export { decodeSessionRequest, encodeSessionRequest } from './request.js';
export {
  decodeRun,
  encodeRun,
  RunSizeError,
  readOperations,
  readRun,
  writeOperations,
  writeRun,
} from './run.js';
export {
  decodeSessionSigned,
  decodeSessionStatement,
  encodeSessionSigned,
  encodeSessionStatement,
  readOrderOutcome,
  readSessionSigned,
  writeOrderOutcome,
} from './statement.js';
