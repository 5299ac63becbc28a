import type { Keyring } from '../../crypto/keyring.js';
import { orderRequest } from '../../crypto/order-request.js';
import { bankActions, bankFaults, type Posting, readTransfer } from '../../edge/soap/banking.js';
import { findOrder, findRequestHeader, findSignedRequest } from '../../edge/soap/extension.js';
import { SoapFault } from '../../edge/soap/faults.js';
import type { MessageVerifier } from '../../edge/soap/security.js';
import { namespaces } from '../../edge/soap/vocabulary.js';
import type { XmlElement } from '../../edge/soap/xml.js';
import { clientPrincipal, type ParticipantId } from '../../vocabulary/ids.js';
import { operationOf } from '../initiator/order.js';
import { operationOfOrder } from '../initiator/session-order.js';
import { readCertifiedOrder } from '../soap-evidence.js';
import type { AccountRules } from './account-rules.js';
import type { DebitRequest } from './used-requests.js';

export interface WarrantOptions {
  readonly keyring: Keyring;
  /** For clients' messages that initiators hand on: each of them, and again and again. */
  readonly verifier: MessageVerifier;
  readonly participant: ParticipantId;
  readonly rules: AccountRules;
}

interface Shown extends DebitRequest {
  /** The client whose will it is. */
  readonly of: string;
  readonly debits: readonly Pick<Posting, 'account' | 'amountMinor' | 'currency'>[];
}

/**
 * The client's request that a debit is for. Throws a `SoapFault` unless the debit shows a request that the
 * client has signed, or an order of sessions that `f + 1` coordinators have; unless just this debit follows
 * from it; and unless the client may debit the account. So no initiator is believed, and not all together.
 */
export function requireWarrant(
  options: WarrantOptions,
  headers: readonly XmlElement[],
  { account, amountMinor, currency }: Posting,
): DebitRequest {
  const { client, timestamp, of, debits } = readWarrant(options, headers);
  const isAsked = debits.some(
    (debit) =>
      debit.account === account && debit.amountMinor === amountMinor && debit.currency === currency,
  );
  if (!isAsked) throw invalidWarrant('The request does not ask for this debit.');
  if (!options.rules.mayDebit(of, account)) {
    throw bankFaults.notAuthorized(`${of} may not debit ${account}`);
  }
  return { client, timestamp };
}

function readWarrant(options: WarrantOptions, headers: readonly XmlElement[]): Shown {
  const request = findSignedRequest(headers);
  if (request !== undefined) return readSignedRequest(options, request);
  const order = findOrder(headers);
  if (order !== undefined) return readOrder(options, order);
  throw invalidWarrant('The debit shows no request of a client.');
}

function readSignedRequest({ verifier, participant }: WarrantOptions, bytes: Uint8Array): Shown {
  const { principal, addressing, headers, body } = verifier.verify(Buffer.from(bytes).toString());
  const request = findRequestHeader(headers);
  if (principal.role !== 'client' || addressing.action !== bankActions.transfer) {
    throw invalidWarrant('The debit shows no transfer that a client has signed.');
  }
  if (request === undefined || clientPrincipal(request.client) !== principal.name) {
    throw invalidWarrant('The request is not in the name of the client that signed it.');
  }
  const operation = operationOf(readTransfer(body));
  return { ...request, of: principal.name, debits: debitsAt(participant, operation) };
}

function readOrder({ keyring, participant }: WarrantOptions, bytes: Uint8Array): Shown {
  const { certificate, transfers } = readCertifiedOrder(keyring, bytes);
  const { statement } = certificate;
  const { client, timestamp } = orderRequest(keyring.cluster.id, statement);
  const operation = operationOfOrder(transfers);
  return { client, timestamp, of: statement.owner, debits: debitsAt(participant, operation) };
}

function debitsAt(
  bank: ParticipantId,
  { legs, currency }: ReturnType<typeof operationOf>,
): Shown['debits'] {
  return legs
    .filter(({ participant, side }) => participant === bank && side === 'debit')
    .map(({ account, amountMinor }) => ({
      account: account as Posting['account'],
      amountMinor,
      currency: currency as Posting['currency'],
    }));
}

function invalidWarrant(reason: string): SoapFault {
  return new SoapFault({
    soapCode: 'Sender',
    namespace: namespaces.bank,
    code: 'InvalidWarrant',
    reason,
  });
}
