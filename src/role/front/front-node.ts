import { type FrontNode, ownMember } from '../../edge/config/node-file.js';
import { createHttpServer, registerHealth } from '../../edge/http/http-server.js';
import type { Logger } from '../../edge/http/logger.js';
import {
  bankActions,
  readTransfer,
  type Transfer,
  writeTransferResponse,
} from '../../edge/soap/banking.js';
import type { SoapMessage } from '../../edge/soap/envelope.js';
import { SoapFault } from '../../edge/soap/faults.js';
import { type Operations, registerPort } from '../../edge/soap/server.js';
import { namespaces } from '../../edge/soap/vocabulary.js';
import type { Cluster } from '../../vocabulary/cluster.js';
import type { TransferResult } from '../client/matching.js';
import { TransferClient } from '../client/transfer-client.js';
import { TransferError, type TransferErrorCode } from '../client/transfer-error.js';

export interface FrontNodeOptions {
  readonly cluster: Cluster;
  readonly node: FrontNode;
  readonly log: Logger;
  /** Sees every envelope that the front door sends to the initiators. */
  readonly onSent?: (text: string) => void;
}

/** Transfers in flight at the cluster, and how many more wait here for a lane. */
const lanes = 64;
const waiting = 192;

/**
 * Starts the front door: serves plain SOAP 1.1 and 1.2 without signatures or WS-Addressing, and is to
 * the initiators a client that signs. Callers must trust it, and it trusts no single node behind it.
 * More requests than it can hold are answered by HTTP 503 with Retry-After.
 */
export async function startFront({ cluster, node, log, onSent }: FrontNodeOptions) {
  ownMember(cluster, node);
  const client = new TransferClient({
    cluster,
    node,
    lanes,
    waiting,
    ...(onSent && { onSent }),
  });
  // A transaction without an outcome by then has run out of time.
  const timeoutMs = cluster.timing.defaultExpiresMs;

  const app = createHttpServer({ log });
  registerHealth(app, log);
  registerPort(app, {
    path: '/transfer',
    wsdl: 'transfer',
    security: { kind: 'plain' },
    operations: frontOperations((order) => client.transfer(order, { timeoutMs })),
    inFlightMax: lanes + waiting,
  });
  const url = await app.listen(node.listen);
  return {
    /** Where it listens. */
    url,
    /** Takes no more requests, lets those under way fail, and closes all connections. */
    stop: async (): Promise<void> => {
      await client.close();
      await app.close();
    },
  };
}

function frontOperations(
  transfer: (order: Transfer) => Promise<TransferResult>,
): Operations<SoapMessage> {
  return {
    [bankActions.transfer]: {
      kind: 'request-reply',
      replyAction: bankActions.transferResponse,
      handle: async ({ body }) => {
        const order = readTransfer(body);
        try {
          return { body: writeTransferResponse(await transfer(order)) };
        } catch (error) {
          throw error instanceof TransferError ? faultOf(error) : error;
        }
      },
    },
  };
}

const codes: Readonly<Record<TransferErrorCode, string>> = {
  busy: 'Busy',
  refused: 'Refused',
  'too-old': 'TooOld',
  disagreement: 'OutcomeUnknown',
  timeout: 'OutcomeUnknown',
};

/** Only a refusal is the caller's doing. */
function faultOf({ code, message }: TransferError): SoapFault {
  return new SoapFault({
    soapCode: code === 'refused' ? 'Sender' : 'Receiver',
    namespace: namespaces.concordat,
    code: codes[code],
    reason: message,
  });
}
