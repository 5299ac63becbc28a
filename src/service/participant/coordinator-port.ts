import { OccasionalLog } from '../../kernel/http/log-output.js';
import type { Logger } from '../../kernel/http/logger.js';
import type { ParticipantId } from '../../kernel/ids.js';
import type { Keyring } from '../../kernel/keys.js';
import { readFault } from '../../soap/fault-body.js';
import { coordinationFaults, securityFaults } from '../../soap/faults.js';
import type { Operation, Operations } from '../../soap/port.js';
import type { ReceivedMessage } from '../../soap/verification.js';
import type {
  EnlistmentRef,
  Notification,
  Notified,
} from '../../transaction/participant/messages.js';
import {
  coordinationActions,
  notificationAction,
  readNotification,
  transactionFaultAction,
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

/** Prepare shows what the initiators asked for; Commit, what this participant voted. */
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
