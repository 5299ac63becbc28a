import { encodeCommitCertificate } from '../../../src/agreement/certificate.js';
import type { ActivationValue } from '../../../src/agreement/messages.js';
import { decodeSignedStatement, encodeSigned } from '../../../src/agreement/signing.js';
import type {
  ActivationStatement,
  CompletionStatement,
  Outcome,
  Statement,
} from '../../../src/agreement/statements.js';
import { activationSlotRequest, collectiveTransactionId } from '../../../src/agreement/values.js';
import {
  bankActions,
  currency,
  readGetBalance,
  readPosting,
  readTransfer,
  type TransferResponse,
  writeGetBalanceResponse,
  writePostingResponse,
  writeTransferResponse,
} from '../../../src/banking/soap.js';
import { initiatorId, type TransactionId, transactionId } from '../../../src/kernel/ids.js';
import { endpoint } from '../../../src/soap/addressing.js';
import type { SoapClient } from '../../../src/soap/client.js';
import { SoapFault } from '../../../src/soap/faults.js';
import type { SoapIdentity } from '../../../src/soap/identity.js';
import type { Operation } from '../../../src/soap/port.js';
import type { ReceivedMessage } from '../../../src/soap/verification.js';
import { namespaces } from '../../../src/soap/vocabulary.js';
import type { XmlElement } from '../../../src/soap/xml.js';
import {
  contextOf,
  coordinationActions,
  findCoordinationContext,
  notificationAction,
  readCreateCoordinationContext,
  readNotification,
  transactionOf,
  writeCreateCoordinationContextResponse,
  writeNotification,
} from '../../../src/transaction/soap/coordination.js';
import {
  findRequestHeader,
  findStatement,
  proofExtension,
  type RequestHeader,
  statementExtension,
} from '../../../src/transaction/soap/extension.js';
import { upTo } from '../evidence.js';
import type { Services, World } from './world.js';

/** A transaction that there is not. */
export const madeUpTid = transactionId('00000000-0000-8000-8000-00000000bad0');

export type Manner =
  /** Says what is so, and proves it. */
  | 'proving'
  /** Says what is so, without proof. */
  | 'plain'
  /** Names a transaction that there is not, and the opposite outcome. */
  | 'lying';

/**
 * A coordinator that agrees with itself at once: what it proves is signed as if by a quorum.
 * Its messages are signed by the coordinator `signer`.
 */
export function serveCoordinator(
  world: World,
  index: number,
  manner: Manner,
  signer = index,
): Promise<void> {
  const { evidence } = world;
  const activation: Operation<ReceivedMessage> = {
    kind: 'request-reply',
    replyAction: coordinationActions.createCoordinationContextResponse,
    handle: ({ body }) => {
      const { extensions } = readCreateCoordinationContext(body);
      const value = activationValue(world, statementIn(world, extensions) as ActivationStatement);
      const tid = manner === 'lying' ? madeUpTid : collectiveTransactionId(value);
      const proof = proofExtension(encodeCommitCertificate(evidence.decision(value).commits));
      const registration = endpoint('http://127.0.0.1:1/registration');
      return {
        body: writeCreateCoordinationContextResponse({
          context: contextOf(tid, registration),
          extensions: manner === 'proving' ? [proof] : [],
        }),
      };
    },
  };
  const completion = (name: 'Commit' | 'Rollback', client: SoapClient) =>
    ({
      kind: 'one-way',
      handle: async ({ addressing, body }) => {
        const statement = statementIn(world, readNotification(body, name)) as CompletionStatement;
        const truth = statement.decision === 'commit' ? 'commit' : 'abort';
        const lie = truth === 'commit' ? 'abort' : 'commit';
        const outcome = manner === 'lying' ? lie : truth;
        const proof = commitCertificate(world, statement.tid, outcome);
        const notice = outcome === 'commit' ? 'Committed' : 'Aborted';
        await client.notify(addressing.from ?? endpoint(''), {
          action: notificationAction(notice),
          body: writeNotification(notice, ...(manner === 'proving' ? [proof] : [])),
        });
      },
    }) satisfies Operation<ReceivedMessage>;
  const services = ({ client }: SoapIdentity): Services => ({
    '/activation': {
      wsdl: 'activation',
      operations: { [coordinationActions.createCoordinationContext]: activation },
    },
    '/completion': {
      wsdl: 'completion',
      operations: {
        [notificationAction('Commit')]: completion('Commit', client),
        [notificationAction('Rollback')]: completion('Rollback', client),
      },
    },
  });
  return world.serve('coordinator', `coordinator-${index}`, services, `coordinator-${signer}`);
}

function statementIn({ cluster }: World, extensions: readonly XmlElement[]): Statement {
  const bytes = findStatement(extensions);
  if (bytes === undefined) throw new Error('no statement');
  return decodeSignedStatement(cluster.id, bytes).statement;
}

function activationValue({ evidence }: World, statement: ActivationStatement): ActivationValue {
  const slot = { kind: 'activation', request: activationSlotRequest(statement) } as const;
  return evidence.activationValue({
    requests: upTo(2).map((i) => evidence.request(i, { ...statement, initiator: initiatorId(i) })),
    proposals: upTo(3).map((i) => evidence.proposal(i, { slot })),
  });
}

/** The extension element with a quorum's word for the outcome. */
export function commitCertificate({ evidence }: World, tid: TransactionId, outcome: Outcome) {
  const statement = evidence.phase('commit', evidence.commitValue({ tid, outcome }));
  return proofExtension(encodeCommitCertificate(evidence.certificate(statement, [0, 1, 2])));
}

/** Requests to commit, of these initiators, as a coordinator shows them with Prepare. */
export function completionRequests(
  { evidence }: World,
  tid: TransactionId,
  initiators: readonly number[],
): XmlElement[] {
  return initiators.map((initiator) =>
    statementExtension(encodeSigned(evidence.completion(initiator, { tid }))),
  );
}

/** What a stub bank was asked to post. */
export interface Posted {
  readonly tid: TransactionId;
  readonly kind: string;
  readonly account: string;
  readonly amountMinor: number;
  readonly by: string;
}

/** A bank where the account `poor` is empty and every other one endless. */
export async function serveBank(world: World, name: string): Promise<Posted[]> {
  const posted: Posted[] = [];
  const posting = (kind: 'debit' | 'credit'): Operation<ReceivedMessage> => ({
    kind: 'request-reply',
    replyAction: kind === 'debit' ? bankActions.debitResponse : bankActions.creditResponse,
    handle: ({ headers, body, principal }) => {
      const context = findCoordinationContext(headers);
      if (context === undefined) throw new Error('no context');
      const { account, amountMinor } = readPosting(body);
      const tid = transactionOf(context);
      posted.push({ tid, kind, account, amountMinor, by: principal.name });
      if (account === 'poor') throw bankFault('InsufficientFunds', 'Sender');
      return { body: writePostingResponse(kind) };
    },
  });
  const balance: Operation<ReceivedMessage> = {
    kind: 'request-reply',
    replyAction: bankActions.getBalanceResponse,
    handle: ({ body }) => {
      const account = readGetBalance(body);
      return {
        body: writeGetBalanceResponse({ account, amountMinor: 4200, currency: currency('EUR') }),
      };
    },
  };
  await world.serve('participant', name, () => ({
    '/account': {
      wsdl: 'account',
      operations: {
        [bankActions.debit]: posting('debit'),
        [bankActions.credit]: posting('credit'),
        [bankActions.getBalance]: balance,
      },
    },
  }));
  return posted;
}

export function bankFault(code: string, soapCode: 'Sender' | 'Receiver'): SoapFault {
  return new SoapFault({ soapCode, namespace: namespaces.bank, code, reason: code });
}

/**
 * An initiator that answers as it is told; gives the request headers that it saw.
 * Its messages are signed by the initiator `signer`.
 */
export async function serveInitiator(
  world: World,
  index: number,
  answer: (seen: readonly RequestHeader[]) => TransferResponse | Promise<TransferResponse>,
  signer = index,
): Promise<RequestHeader[]> {
  const seen: RequestHeader[] = [];
  const transfer: Operation<ReceivedMessage> = {
    kind: 'request-reply',
    replyAction: bankActions.transferResponse,
    handle: async ({ headers, body }) => {
      const header = findRequestHeader(headers);
      if (header === undefined) throw new Error('no request header');
      readTransfer(body);
      seen.push(header);
      return { body: writeTransferResponse(await answer(seen)) };
    },
  };
  const services = (): Services => ({
    '/transfer': { wsdl: 'transfer', operations: { [bankActions.transfer]: transfer } },
  });
  await world.serve('initiator', `initiator-${index}`, services, `initiator-${signer}`);
  return seen;
}
