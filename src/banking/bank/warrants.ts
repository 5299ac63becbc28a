import { clientPrincipal, type ParticipantId } from '../../kernel/ids.js';
import type { Keyring } from '../../kernel/keys.js';
import type { PermittingRequest } from '../../service/participant/used-requests.js';
import { orderRequest } from '../../session/request.js';
import { SoapFault } from '../../soap/faults.js';
import type { MessageVerifier } from '../../soap/verification.js';
import { namespaces } from '../../soap/vocabulary.js';
import type { XmlElement } from '../../soap/xml.js';
import {
  findOrder,
  findRequestHeader,
  findSignedRequest,
} from '../../transaction/soap/extension.js';
import { operationOf } from '../initiator/outbound.js';
import { operationOfOrder, readCertifiedOrder } from '../session-order.js';
import { type AccountId, bankActions, bankFaults, type Posting, readTransfer } from '../soap.js';

/** One account's rules, as the bank's configuration has them. */
export interface AccountRule {
  readonly account: string;
  /**
   * Clients that may debit and read the account, by the names in their certificates; `name*` means all
   * whose names begin so. The client of the account's own name where not given.
   */
  readonly owners?: readonly string[] | undefined;
  /** Clients that may read it besides. */
  readonly readers?: readonly string[] | undefined;
}

/** Which client may debit which account of a bank, and read its balance. Any client may pay into it. */
export class AccountRules {
  readonly #rules: ReadonlyMap<string, AccountRule>;

  constructor(rules: readonly AccountRule[]) {
    this.#rules = new Map(rules.map((rule) => [rule.account, rule]));
  }

  mayDebit(client: string, account: AccountId): boolean {
    const owners = this.#rules.get(account)?.owners ?? [account];
    return owners.some((owner) => isMeant(owner, client));
  }

  mayRead(client: string, account: AccountId): boolean {
    const readers = this.#rules.get(account)?.readers ?? [];
    return this.mayDebit(client, account) || readers.some((reader) => isMeant(reader, client));
  }
}

function isMeant(rule: string, client: string): boolean {
  return rule.endsWith('*') ? client.startsWith(rule.slice(0, -1)) : client === rule;
}

export interface WarrantOptions {
  readonly keyring: Keyring;
  /** For clients' messages that initiators hand on: each of them, and again and again. */
  readonly verifier: MessageVerifier;
  readonly participant: ParticipantId;
  readonly rules: AccountRules;
}

interface Shown extends PermittingRequest {
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
): PermittingRequest {
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

function debitsAt(bank: ParticipantId, { legs }: ReturnType<typeof operationOf>): Shown['debits'] {
  return legs
    .filter(({ participant, side }) => participant === bank && side === 'debit')
    .map(({ account, amountMinor, currency }) => ({
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
