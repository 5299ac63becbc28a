import { type ClusterId, clientId } from '../../vocabulary/ids.js';
import type { OrderingRequest } from '../../vocabulary/ordering.js';
import type { SessionRequest } from '../../vocabulary/session-messages.js';
import { WireError } from '../../wire/index.js';
import { decodeSessionRequest, encodeSessionRequest } from '../../wire/session/index.js';
import { checkSignature, replicaSigner } from '../check-signature.js';
import { sha256 } from '../digest.js';
import type { Keyring } from '../keyring.js';
import type { RequestCheck } from '../ordering/verify.js';
import { type Owners, RecentMap } from './owners.js';
import { verifyRun } from './verify-run.js';

const requestsRemembered = 16_384;
/** As many digits of a digest as a client's name may have characters. */
const digitsInName = 63;

/**
 * A request for the engine. Its client is named after its content, so that nobody can use up the number
 * of another's request.
 */
export function orderingRequest(request: SessionRequest): OrderingRequest {
  const payload = encodeSessionRequest(request);
  return { client: clientId(sha256(payload).slice(0, digitsInName)), number: 1, payload };
}

/**
 * Whether a request is named after its content and what it holds is signed by the session's owner, or by
 * the replica that reports. The answer is the same at every replica, for ever.
 */
export function sessionRequestCheck(keyring: Keyring, owners: Owners): RequestCheck {
  const genuine = new RecentMap<true>(requestsRemembered);
  return ({ client, number, payload }) => {
    const digest = sha256(payload);
    if (number !== 1 || client !== digest.slice(0, digitsInName)) return false;
    if (genuine.get(digest)) return true;
    if (!isSigned(keyring, owners, payload)) return false;
    genuine.set(digest, true);
    return true;
  };
}

function isSigned(keyring: Keyring, owners: Owners, payload: Uint8Array): boolean {
  const request = decoded(keyring.cluster.id, payload);
  switch (request?.kind) {
    case 'run':
      return verifyRun(owners, request.run).ok;
    case 'report': {
      const { report } = request;
      return !checkSignature(keyring, replicaSigner(report.statement.replica), report);
    }
    case undefined:
      return false;
  }
}

function decoded(cluster: ClusterId, payload: Uint8Array): SessionRequest | undefined {
  try {
    return decodeSessionRequest(cluster, payload);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
