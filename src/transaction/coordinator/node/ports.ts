import { verifyStatement } from '../../../agreement/check-message.js';
import { decodeSignedStatement } from '../../../agreement/signing.js';
import type { Outcome, Statement, Vote } from '../../../agreement/statements.js';
import { WireError } from '../../../kernel/codec/bytes.js';
import type { TransactionId } from '../../../kernel/ids.js';
import type { Keyring } from '../../../kernel/keys.js';
import type { Verified } from '../../../kernel/signed.js';
import { endpoint } from '../../../soap/addressing.js';
import { coordinationFaults, securityFaults } from '../../../soap/faults.js';
import type { Operation, Operations, Reply } from '../../../soap/port.js';
import type { Principal } from '../../../soap/trust.js';
import type { ReceivedMessage } from '../../../soap/verification.js';
import type { XmlElement } from '../../../soap/xml.js';
import {
  ATOMIC_TRANSACTION,
  contextOf,
  coordinationActions,
  type NotificationName,
  notificationAction,
  readCreateCoordinationContext,
  readNotification,
  readRegister,
  transactionFaultAction,
  writeCreateCoordinationContextResponse,
  writeRegisterResponse,
} from '../../soap/coordination.js';
import {
  enlistmentIdParameter,
  findStatement,
  findTransactionId,
  proofExtension,
  transactionIdParameter,
} from '../../soap/extension.js';
import type { CoordinatorInput } from '../core/messages.js';
import type { PortAnswer } from './replies.js';

export interface PortsOptions {
  /** Base address of this replica. */
  readonly url: string;
  readonly keyring: Keyring;
  /** False where the replica is too busy to take it. */
  submit(input: CoordinatorInput): boolean;
  /** Submits a request and waits for the core's answer. */
  ask(input: (replyId: string) => CoordinatorInput): Promise<PortAnswer>;
  /** The encoded commit certificate that answers an activation. */
  proofOf(answer: Extract<PortAnswer, { kind: 'activated' }>): Promise<Uint8Array>;
  mayCall(address: string): boolean;
  /** A fault from a participant or an initiator. */
  onFault(message: ReceivedMessage): void;
}

type Ports = Operations<ReceivedMessage>;
type OneWay = Operation<ReceivedMessage> & { readonly kind: 'one-way' };

/** Activation service: CreateCoordinationContext (WS-Coordination 1.2 §3.1; Zhao §4.1). */
export function activationOperations(options: PortsOptions): Ports {
  return {
    [coordinationActions.createCoordinationContext]: {
      kind: 'request-reply',
      replyAction: coordinationActions.createCoordinationContextResponse,
      handle: (message) => activate(options, message),
    },
  };
}

/** Registration service: Register (WS-Coordination 1.2 §3.2; Zhao §4.2). */
export function registrationOperations(options: PortsOptions): Ports {
  return {
    [coordinationActions.register]: {
      kind: 'request-reply',
      replyAction: coordinationActions.registerResponse,
      handle: (message) => register(options, message),
    },
  };
}

/** Completion service: Commit and Rollback of initiators (WS-AtomicTransaction 1.2 §3.2; Zhao §4.3). */
export function completionOperations(options: PortsOptions): Ports {
  const operation = (name: 'Commit' | 'Rollback'): OneWay => ({
    kind: 'one-way',
    handle: (message) => {
      const statement = statementIn(options, message, readNotification(message.body, name));
      const decision = name === 'Commit' ? 'commit' : 'rollback';
      if (!isKind(statement, 'completion') || statement.statement.decision !== decision) {
        throw invalid(`cc:Statement is not about a ${decision}`);
      }
      requireTransaction(message, statement.statement.tid);
      options.submit({ kind: 'complete', statement });
    },
  });
  return {
    [notificationAction('Commit')]: operation('Commit'),
    [notificationAction('Rollback')]: operation('Rollback'),
    ...faultOperations(options),
  };
}

/** Coordinator service: votes and acknowledgements (WS-AtomicTransaction 1.2 §3.3). */
export function coordinatorOperations(options: PortsOptions): Ports {
  return {
    [notificationAction('Prepared')]: voteOperation(options, 'Prepared', 'prepared'),
    [notificationAction('ReadOnly')]: voteOperation(options, 'ReadOnly', 'readOnly'),
    [notificationAction('Aborted')]: {
      kind: 'one-way',
      handle: (message) => {
        const extensions = readNotification(message.body, 'Aborted');
        const statement = statementIn(options, message, extensions);
        if (isKind(statement, 'vote')) takeVote(options, message, statement, 'aborted');
        else takeAcknowledgement(options, message, statement, 'abort');
      },
    },
    [notificationAction('Committed')]: {
      kind: 'one-way',
      handle: (message) => {
        const extensions = readNotification(message.body, 'Committed');
        takeAcknowledgement(options, message, statementIn(options, message, extensions), 'commit');
      },
    },
    ...faultOperations(options),
  };
}

async function activate(options: PortsOptions, message: ReceivedMessage): Promise<Reply> {
  const request = readCreateCoordinationContext(message.body);
  if (request.coordinationType !== ATOMIC_TRANSACTION) {
    throw invalid('the coordination type is not WS-AtomicTransaction');
  }
  if (request.currentContext) {
    throw coordinationFaults.cannotCreateContext('subordinate transactions are not offered');
  }
  const statement = statementIn(options, message, request.extensions);
  if (!isKind(statement, 'activation')) throw invalid('cc:Statement is no activation');
  const answer = await options.ask((replyId) => ({ kind: 'activate', statement, replyId }));
  if (answer.kind !== 'activated') throw new Error('another answer than asked for');
  const { tid, expiresMs } = answer;
  const service = endpoint(`${options.url}/registration`, transactionIdParameter(tid));
  return {
    body: writeCreateCoordinationContextResponse({
      context: contextOf(tid, service, expiresMs),
      extensions: [proofExtension(await options.proofOf(answer))],
    }),
  };
}

async function register(options: PortsOptions, message: ReceivedMessage): Promise<Reply> {
  const { protocol, participantProtocolService, extensions } = readRegister(message.body);
  const tid = findTransactionId(message.headers);
  if (!tid) throw coordinationFaults.cannotRegisterParticipant('no cc:TransactionId header');
  if (protocol === 'completion') return registerForCompletion(options, message, tid);
  const statement = statementIn(options, message, extensions);
  if (!isKind(statement, 'registration')) throw invalid('cc:Statement is no registration');
  const { address } = statement.statement;
  if (statement.statement.protocol !== protocol || address !== participantProtocolService.address) {
    throw invalid('cc:Statement and the Register message differ');
  }
  requireTransaction(message, statement.statement.tid);
  if (!options.mayCall(address)) {
    throw coordinationFaults.cannotRegisterParticipant(`calling ${address} is not allowed here`);
  }
  const answer = await options.ask((replyId) => ({ kind: 'register', statement, replyId }));
  if (answer.kind !== 'registered') throw new Error('another answer than asked for');
  const { enlistment } = answer.registration;
  return registered(`${options.url}/coordinator`, [
    transactionIdParameter(tid),
    enlistmentIdParameter(enlistment),
  ]);
}

/**
 * The initiators of the cluster file are registered by their activation, so this only says where
 * Completion is; as often as it is asked.
 */
function registerForCompletion(
  options: PortsOptions,
  { principal }: ReceivedMessage,
  tid: TransactionId,
): Reply {
  if (principal.role !== 'initiator') {
    throw coordinationFaults.cannotRegisterParticipant('Completion is for initiators');
  }
  return registered(`${options.url}/completion`, [transactionIdParameter(tid)]);
}

function registered(address: string, parameters: readonly XmlElement[]): Reply {
  const coordinatorProtocolService = endpoint(address, ...parameters);
  return { body: writeRegisterResponse({ coordinatorProtocolService, extensions: [] }) };
}

function voteOperation(options: PortsOptions, name: NotificationName, vote: Vote): OneWay {
  return {
    kind: 'one-way',
    handle: (message) => {
      const statement = statementIn(options, message, readNotification(message.body, name));
      takeVote(options, message, statement, vote);
    },
  };
}

function takeVote(
  options: PortsOptions,
  message: ReceivedMessage,
  statement: Verified<Statement>,
  vote: Vote,
): void {
  if (!isKind(statement, 'vote') || statement.statement.vote !== vote) {
    throw invalid(`cc:Statement is not the vote ${vote}`);
  }
  requireTransaction(message, statement.statement.tid);
  const source = message.addressing.from?.address;
  options.submit({
    kind: 'vote',
    statement,
    ...(source !== undefined && options.mayCall(source) ? { source } : {}),
  });
}

/** Committed, or Aborted after Rollback. */
function takeAcknowledgement(
  options: PortsOptions,
  message: ReceivedMessage,
  statement: Verified<Statement>,
  outcome: Outcome,
): void {
  if (!isKind(statement, 'acknowledgement') || statement.statement.outcome !== outcome) {
    throw invalid(`cc:Statement does not acknowledge a ${outcome}`);
  }
  requireTransaction(message, statement.statement.tid);
  options.submit({ kind: 'ended', statement });
}

/** Faults are terminal notifications: noted, never answered. */
function faultOperations({ onFault }: PortsOptions): Ports {
  const operation: OneWay = { kind: 'one-way', handle: onFault };
  return { [transactionFaultAction]: operation, [coordinationActions.fault]: operation };
}

/** The signed statement in a message, which must be its sender's own. */
function statementIn(
  { keyring }: PortsOptions,
  { principal }: ReceivedMessage,
  extensions: readonly XmlElement[],
): Verified<Statement> {
  const bytes = findStatement(extensions);
  if (!bytes) throw invalid('cc:Statement is missing: a message here rests on a signed statement');
  try {
    const verified = verifyStatement(keyring, decodeSignedStatement(keyring.cluster.id, bytes));
    if (!verified.ok && verified.error.code === 'uninvited') {
      const { participant, reason } = verified.error;
      throw coordinationFaults.cannotRegisterParticipant(
        `${participant} is not invited: ${reason}`,
      );
    }
    if (!verified.ok) throw securityFaults.failedCheck(`cc:Statement: ${verified.error.code}`);
    requireOwn(principal, verified.value.statement);
    return verified.value;
  } catch (error) {
    if (error instanceof WireError) throw invalid(`cc:Statement: ${error.message}`);
    throw error;
  }
}

function requireOwn(principal: Principal, statement: Statement): void {
  const own =
    'initiator' in statement
      ? principal.role === 'initiator' && principal.id === statement.initiator
      : principal.role === 'participant' && principal.id === statement.participant;
  if (!own) throw securityFaults.failedAuthentication('the statement is of somebody else');
}

function isKind<Kind extends Statement['kind']>(
  signed: Verified<Statement>,
  kind: Kind,
): signed is Verified<Extract<Statement, { kind: Kind }>> {
  return signed.statement.kind === kind;
}

/** The endpoint that was called and the statement are about the same transaction. */
function requireTransaction({ headers }: ReceivedMessage, tid: TransactionId): void {
  if (findTransactionId(headers) !== tid) throw invalid('cc:TransactionId is not the statement’s');
}

function invalid(reason: string) {
  return coordinationFaults.invalidParameters(reason);
}
