import { type RequestCheck, verifyOrderingMessage } from '../../../src/ordering/check-message.js';
import { decodeOrderingMessage } from '../../../src/ordering/message-codec.js';
import type { OrderingMessage, VerifiedOrderingMessage } from '../../../src/ordering/types.js';
import type { Cast } from '../kit/cast.js';
import { MessageReader } from '../kit/reading.js';

export type OrderingReader = MessageReader<OrderingMessage, VerifiedOrderingMessage>;

export function orderingReader(
  { cluster, keyring }: Cast,
  isGenuine: RequestCheck,
): OrderingReader {
  return new MessageReader(
    (bytes) => decodeOrderingMessage(cluster.id, bytes),
    (from, message) => verifyOrderingMessage(keyring, isGenuine, from, message),
  );
}
