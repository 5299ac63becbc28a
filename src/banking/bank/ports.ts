import { randomUUID } from 'node:crypto';
import { sha256 } from '../../kernel/digest.js';
import { OccasionalLog } from '../../kernel/http/log-output.js';
import type { Logger } from '../../kernel/http/logger.js';
import type { ClusterId, Digest, ParticipantId } from '../../kernel/ids.js';
import type { Keyring } from '../../kernel/keys.js';
import { readFault } from '../../soap/fault-body.js';
import { coordinationFaults, SoapFault, securityFaults, soapFaults } from '../../soap/faults.js';
import type { Operation, Operations } from '../../soap/port.js';
import type { ReceivedMessage } from '../../soap/verification.js';
import { namespaces } from '../../soap/vocabulary.js';
import { newEnlistment } from '../../transaction/enlistment-name.js';
import type {
  EnlistmentRef,
  Invited,
  Notification,
  Notified,
  OperationResult,
} from '../../transaction/participant/messages.js';
import {
  coordinationActions,
  findCoordinationContext,
  notificationAction,
  readNotification,
  transactionFaultAction,
  transactionOf,
} from '../../transaction/soap/coordination.js';
import {
  findEnlistmentId,
  findProof,
  findStatements,
  findTransactionId,
  readCertificate,
  readCompletion,
  readVoteOf,
} from '../../transaction/soap/extension.js';
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
import { type BankOperation, requireInvitation } from './bank-core.js';
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

/** `/participant`: Prepare, Commit, Rollback and faults of coordinators. */
export function participantOperations(
  keyring: Keyring,
  participant: ParticipantId,
  submit: (input: Notified) => void,
  log: Logger,
): Operations<ReceivedMessage> {
  const operation = (
    name: 'Prepare' | 'Commit' | 'Rollback',
    notification: Notification,
  ): Operation<ReceivedMessage> => ({
    kind: 'one-way',
    handle: (message) => submit(readNotified(keyring, participant, message, name, notification)),
  });
  const occasionally = new OccasionalLog(log);
  const faultOperation: Operation<ReceivedMessage> = {
    kind: 'one-way',
    handle: (message) => {
      const fault = readFault(message)?.code;
      occasionally.write('warn', 'fault-received', { from: message.principal.name, fault });
    },
  };
  return {
    [notificationAction('Prepare')]: operation('Prepare', 'prepare'),
    [notificationAction('Commit')]: operation('Commit', 'commit'),
    [notificationAction('Rollback')]: operation('Rollback', 'rollback'),
    [coordinationActions.fault]: faultOperation,
    [transactionFaultAction]: faultOperation,
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

/** Throws a `SoapFault` where it is not a coordinator's, or its certificate proves nothing. */
function readNotified(
  keyring: Keyring,
  participant: ParticipantId,
  { principal, headers, body }: ReceivedMessage,
  name: 'Prepare' | 'Commit' | 'Rollback',
  message: Notification,
): Notified {
  if (principal.role !== 'coordinator') {
    throw securityFaults.failedAuthentication('not a coordinator');
  }
  const extensions = readNotification(body, name);
  const proof = findProof(extensions);
  const shown = findStatements(extensions, keyring.resilience.n);
  return {
    kind: 'notified',
    replica: principal.id,
    ref: readRef(headers),
    message,
    ...(proof && { certificate: readCertificate(keyring, proof) }),
    ...(shown.length > 0 && readShown(keyring, participant, message, shown)),
  };
}

/** Prepare shows what the initiators asked for; Commit, what this bank voted. */
function readShown(
  keyring: Keyring,
  participant: ParticipantId,
  message: Notification,
  shown: readonly Uint8Array[],
): Pick<Notified, 'completion' | 'vote'> {
  if (message !== 'commit') return { completion: readCompletion(keyring, shown) };
  const [vote, another] = shown;
  if (vote === undefined || another !== undefined) {
    throw coordinationFaults.invalidParameters('cc:Statement is not one vote');
  }
  return { vote: readVoteOf(keyring, participant, vote) };
}

function readRef(headers: ReceivedMessage['headers']): EnlistmentRef {
  const tid = findTransactionId(headers);
  const enlistment = findEnlistmentId(headers);
  if (tid === undefined || enlistment === undefined) {
    throw coordinationFaults.invalidParameters('the reference parameters are missing');
  }
  return { tid, enlistment };
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
