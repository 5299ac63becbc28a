import { randomUUID } from 'node:crypto';
import { sha256 } from '../../kernel/digest.js';
import type { ClusterId, Digest } from '../../kernel/ids.js';
import { requireInvitation } from '../../service/participant/invitation.js';
import { SoapFault, securityFaults, soapFaults } from '../../soap/faults.js';
import type { Operation, Operations } from '../../soap/port.js';
import type { ReceivedMessage } from '../../soap/verification.js';
import { namespaces } from '../../soap/vocabulary.js';
import { newEnlistment } from '../../transaction/enlistment-name.js';
import type { Invited, OperationResult } from '../../transaction/participant/messages.js';
import { findCoordinationContext, transactionOf } from '../../transaction/soap/coordination.js';
import {
  type AccountId,
  type Balance,
  bankActions,
  bankFaults,
  type Posting,
  readGetBalance,
  readPosting,
  writeGetBalanceResponse,
  writePostingResponse,
} from '../soap.js';
import type { BankOperation } from './bank-core.js';
import { requireWarrant, type WarrantOptions } from './warrants.js';

/** An application request; the node adds the handle of its caller. */
export type BankRequest = Omit<Invited<BankOperation>, 'call'>;

export type BalanceRefusal = 'UnknownAccount' | 'Busy';

export interface AccountPortOptions extends WarrantOptions {
  /** Lifetime of a transaction whose context names none. */
  readonly defaultExpiresMs: number;
  ask(request: BankRequest): Promise<OperationResult>;
  /** The balance, or the code of a refusal. */
  balanceOf(account: AccountId): Promise<Balance | BalanceRefusal>;
}

/** `/account`: Debit and Credit of initiators, within a transaction; GetBalance of clients. */
export function accountOperations(options: AccountPortOptions): Operations<ReceivedMessage> {
  return {
    [bankActions.debit]: postingOperation(options, 'debit', bankActions.debitResponse),
    [bankActions.credit]: postingOperation(options, 'credit', bankActions.creditResponse),
    [bankActions.getBalance]: {
      kind: 'request-reply',
      replyAction: bankActions.getBalanceResponse,
      handle: async ({ principal, body }) => {
        if (principal.role !== 'client') throw securityFaults.failedAuthentication('not a client');
        const account = readGetBalance(body);
        if (!options.rules.mayRead(principal.name, account)) {
          throw bankFaults.notAuthorized(`${principal.name} may not read ${account}`);
        }
        const balance = await options.balanceOf(account);
        if (typeof balance === 'string') throw refusalFault(balance);
        return { body: writeGetBalanceResponse(balance) };
      },
    },
  };
}

function postingOperation(
  options: AccountPortOptions,
  kind: Posting['kind'],
  replyAction: string,
): Operation<ReceivedMessage> {
  return {
    kind: 'request-reply',
    replyAction,
    handle: async (message) => {
      const result = await options.ask(readRequest(options, kind, message));
      if (result.kind === 'refused') throw refusalFault(result.reason);
      return { body: writePostingResponse(kind) };
    },
  };
}

/** Throws a `SoapFault` unless it is an initiator's posting within a transaction; a debit has a warrant. */
function readRequest(
  options: AccountPortOptions,
  kind: Posting['kind'],
  { principal, headers, body }: ReceivedMessage,
): BankRequest {
  const { keyring, participant, defaultExpiresMs } = options;
  if (principal.role !== 'initiator') {
    throw securityFaults.failedAuthentication('not an initiator');
  }
  const context = findCoordinationContext(headers);
  if (context === undefined) throw soapFaults.sender('The CoordinationContext is missing.');
  const posting = readPosting(body);
  if (posting.kind !== kind) throw soapFaults.sender('The action is not that of the body.');
  const operation =
    kind === 'debit' ? { ...posting, request: requireWarrant(options, headers, posting) } : posting;
  const { id: initiator } = principal;
  const protocol = 'durable';
  const tid = transactionOf(context);
  return {
    kind: 'invited',
    initiator,
    tid,
    operation,
    digest: operationDigest(keyring.cluster.id, operation),
    protocol,
    invitation: requireInvitation(keyring, context, { initiator, tid, participant }),
    expiresMs: context.expiresMs ?? defaultExpiresMs,
    enlistment: newEnlistment(participant, protocol, randomUUID()),
  };
}

/** Equal where the postings and their requests are, however their messages were written. */
function operationDigest(cluster: ClusterId, operation: BankOperation): Digest {
  const { kind, account, amountMinor, currency, request } = operation;
  const content = [
    ...['concordat/1 posting', cluster, kind, account, amountMinor, currency],
    ...(request === undefined ? [] : [request.client, request.timestamp]),
  ];
  return sha256(Buffer.from(JSON.stringify(content)));
}

/** The reasons of refusals that are not faults of the bank's WSDL; the code says it to programs. */
const reasons: Readonly<Record<string, string>> = {
  BalanceTooLarge: 'The account cannot hold so much.',
  Busy: 'Too much is under way.',
  Unmatched: 'Too few initiators asked for the same.',
  CannotRegister: 'The coordinators did not take the registration.',
  Aborted: 'The transaction was aborted.',
  Superseded: 'The same initiator has called again.',
  RequestUsed: 'The client’s request has been used, or a later one of the client.',
};

function refusalFault(code: string): SoapFault {
  switch (code) {
    case 'InsufficientFunds':
      return bankFaults.insufficientFunds();
    case 'UnknownAccount':
      return bankFaults.unknownAccount();
    case 'CurrencyMismatch':
      return bankFaults.currencyMismatch();
    default: {
      const reason = reasons[code] ?? 'The bank refused it.';
      const soapCode = code === 'Busy' ? 'Receiver' : 'Sender';
      return new SoapFault({ soapCode, namespace: namespaces.bank, code, reason });
    }
  }
}
