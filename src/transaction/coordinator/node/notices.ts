import { encodeCommitCertificate } from '../../../agreement/certificate.js';
import type { CommitCertificate } from '../../../agreement/messages.js';
import { encodeSigned } from '../../../agreement/signing.js';
import type { Statement } from '../../../agreement/statements.js';
import type { Cluster, CoordinatorMember } from '../../../kernel/cluster.js';
import type { Logger } from '../../../kernel/http/logger.js';
import {
  type EnlistmentId,
  type InitiatorId,
  type TransactionId,
  unreachable,
} from '../../../kernel/ids.js';
import type { Signed } from '../../../kernel/signed.js';
import { type EndpointReference, endpoint } from '../../../soap/addressing.js';
import type { SoapClient } from '../../../soap/client.js';
import { faultBody } from '../../../soap/fault-body.js';
import { coordinationFaults, type SoapFault, transactionFaults } from '../../../soap/faults.js';
import {
  type NotificationName,
  notificationAction,
  writeNotification,
} from '../../soap/coordination.js';
import {
  enlistmentIdParameter,
  proofExtension,
  statementExtension,
  transactionIdParameter,
} from '../../soap/extension.js';
import type { CoordinatorOutput } from '../core/messages.js';

/** The outputs that become one-way SOAP messages. */
export type Notice = Extract<
  CoordinatorOutput,
  {
    kind:
      | 'notify-participant'
      | 'fault-participant'
      | 'answer-unknown'
      | 'notify-initiator'
      | 'fault-initiator';
  }
>;

/** The one-way messages of a coordinator replica. What does not arrive, the core sends again. */
export class Notices {
  readonly #cluster: Cluster;
  readonly #self: CoordinatorMember;
  readonly #client: SoapClient;
  readonly #log: Logger;

  constructor(cluster: Cluster, self: CoordinatorMember, client: SoapClient, log: Logger) {
    this.#cluster = cluster;
    this.#self = self;
    this.#client = client;
    this.#log = log;
  }

  send(notice: Notice): void {
    switch (notice.kind) {
      case 'notify-participant': {
        const { tid, enlistment, address } = notice.registration;
        const target = participantAt(address, tid, enlistment);
        const from = this.#coordinatorFor(tid, enlistment);
        const { certificate, completion, vote } = notice;
        const statements = vote ? [vote] : completion;
        return this.#notify(tid, target, notice.notice, { from, certificate, statements });
      }
      case 'fault-participant': {
        const { tid, enlistment, address } = notice.registration;
        const target = participantAt(address, tid, enlistment);
        return this.#fault(tid, target, coordinationFaults.invalidState());
      }
      case 'answer-unknown': {
        const { tid, enlistment } = notice.vote;
        const target = participantAt(notice.source, tid, enlistment);
        if (notice.answer === 'UnknownTransaction') {
          return this.#fault(tid, target, transactionFaults.unknownTransaction());
        }
        const from = this.#coordinatorFor(tid, enlistment);
        return this.#notify(tid, target, 'Rollback', { from });
      }
      case 'notify-initiator': {
        const { tid, certificate } = notice;
        const target = this.#initiator(notice.initiator, tid);
        const name = notice.outcome === 'commit' ? 'Committed' : 'Aborted';
        return target && this.#notify(tid, target, name, { certificate });
      }
      case 'fault-initiator': {
        const target = this.#initiator(notice.initiator, notice.tid);
        const fault =
          notice.fault === 'InvalidState'
            ? coordinationFaults.invalidState()
            : transactionFaults.unknownTransaction();
        return target && this.#fault(notice.tid, target, fault);
      }
      default:
        return unreachable(notice);
    }
  }

  #coordinatorFor(tid: TransactionId, enlistment: EnlistmentId): EndpointReference {
    return endpoint(`${this.#self.url}/coordinator`, ...parameters(tid, enlistment));
  }

  #initiator(id: InitiatorId, tid: TransactionId): EndpointReference | undefined {
    const member = this.#cluster.initiators.find((one) => one.id === id);
    return member && endpoint(`${member.url}/completion-initiator`, transactionIdParameter(tid));
  }

  #notify(
    tid: TransactionId,
    target: EndpointReference,
    name: NotificationName,
    options: {
      readonly from?: EndpointReference;
      readonly certificate?: CommitCertificate | undefined;
      readonly statements?: readonly Signed<Statement>[] | undefined;
    },
  ): void {
    const { from, certificate, statements = [] } = options;
    const proof = certificate ? [proofExtension(encodeCommitCertificate(certificate))] : [];
    const shown = statements.map((statement) => statementExtension(encodeSigned(statement)));
    const action = notificationAction(name);
    const body = writeNotification(name, ...proof, ...shown);
    this.#client
      .notify(target, { action, body, ...(from ? { from } : {}) })
      .catch((error: unknown) => this.#failed(error, tid, target, name));
  }

  #fault(tid: TransactionId, target: EndpointReference, fault: SoapFault): void {
    this.#client
      .notify(target, { action: fault.action, body: faultBody('1.2', fault) })
      .catch((error: unknown) => this.#failed(error, tid, target, fault.code));
  }

  #failed(error: unknown, tid: TransactionId, { address }: EndpointReference, what: string): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#log.info({ tid, address, message: what, reason }, 'notice-not-taken');
  }
}

function participantAt(
  address: string,
  tid: TransactionId,
  enlistment: EnlistmentId,
): EndpointReference {
  return endpoint(address, ...parameters(tid, enlistment));
}

function parameters(tid: TransactionId, enlistment: EnlistmentId) {
  return [transactionIdParameter(tid), enlistmentIdParameter(enlistment)];
}
