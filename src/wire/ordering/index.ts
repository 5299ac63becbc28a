export { decodeAssistance, encodeAssistance } from './assistance.js';
export {
  decodeBatch,
  decodeCycleValue,
  encodeBatch,
  encodeCycleValue,
  encodeManifest,
  readManifest,
  writeManifest,
} from './fields.js';
export { orderingLimits } from './limits.js';
export {
  decodeOrderingMessage,
  decodeReports,
  encodeOrderingMessage,
  encodeReports,
} from './message.js';
export {
  decodeOrderingSigned,
  decodeOrderingStatement,
  encodeOrderingSigned,
  encodeOrderingStatement,
  readPrepared,
  readShared,
  writePrepared,
  writeShared,
} from './statement.js';
