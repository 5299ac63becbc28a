import {
  decodeSessionMessage,
  type SessionMessage,
  type VerifiedSessionMessage,
  verifySessionMessage,
} from '../../../src/session/message.js';
import { sessionRequestCheck } from '../../../src/session/request.js';
import type { Cast } from '../kit/cast.js';
import { MessageReader } from '../kit/reading.js';
import { type OrderingReader, orderingReader } from '../ordering/reader.js';
import type { SimOwners } from './owners.js';

/** Reads what session replicas send to each other, and what their engines do. */
export class SessionsReader {
  readonly ordering: OrderingReader;
  readonly session: MessageReader<SessionMessage, VerifiedSessionMessage>;

  constructor(cast: Cast, { asOwners: owners }: SimOwners) {
    const { cluster, keyring } = cast;
    this.ordering = orderingReader(cast, sessionRequestCheck(keyring, owners));
    this.session = new MessageReader(
      (bytes) => decodeSessionMessage(cluster.id, bytes),
      (from, message) => verifySessionMessage(keyring, owners, from, message),
    );
  }
}
