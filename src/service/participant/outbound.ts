import { encodeSigned } from '../../agreement/signing.js';
import type { RegistrationStatement, Vote } from '../../agreement/statements.js';
import type { Cluster, CoordinatorMember, ParticipantMember } from '../../kernel/cluster.js';
import type { Logger } from '../../kernel/http/logger.js';
import type { ReplicaId } from '../../kernel/ids.js';
import type { Signed } from '../../kernel/signed.js';
import { type EndpointReference, endpoint } from '../../soap/addressing.js';
import { ReceivedFault, type SoapClient } from '../../soap/client.js';
import { faultBody } from '../../soap/fault-body.js';
import { coordinationFaults, type SoapFault, transactionFaults } from '../../soap/faults.js';
import { SoapTransportError } from '../../soap/transport.js';
import type { Principal } from '../../soap/trust.js';
import type { XmlElement } from '../../soap/xml.js';
import type {
  EnlistmentRef,
  ParticipantInput,
  ParticipantOutput,
} from '../../transaction/participant/messages.js';
import {
  coordinationActions,
  type NotificationName,
  notificationAction,
  readRegisterResponse,
  writeNotification,
  writeRegister,
} from '../../transaction/soap/coordination.js';
import {
  enlistmentIdParameter,
  statementExtension,
  transactionIdParameter,
} from '../../transaction/soap/extension.js';

type Output<Kind extends ParticipantOutput<never>['kind']> = Extract<
  ParticipantOutput<never>,
  { kind: Kind }
>;
type Registered = Extract<
  ParticipantInput<never>,
  { readonly kind: 'registered' | 'registration-refused' | 'registration-failed' }
>;

export interface ParticipantOutboundOptions {
  readonly cluster: Cluster;
  readonly self: ParticipantMember;
  readonly client: SoapClient;
  readonly log: Logger;
  /** Takes what the calls bring back. */
  readonly submit: (input: Registered) => void;
}

/** A Register is given up, for the core to ask again, after so many resend times. */
const registrationPatience = 10;

const voteNames: Readonly<Record<Vote, NotificationName>> = {
  prepared: 'Prepared',
  readOnly: 'ReadOnly',
  aborted: 'Aborted',
};

/** The calls that a participant makes. None of them throws; what fails is left to the core's timers. */
export class ParticipantOutbound {
  readonly #options: ParticipantOutboundOptions;
  /** Registrations under way, by enlistment and replica: a replica is not asked again meanwhile. */
  readonly #registering = new Set<string>();

  constructor(options: ParticipantOutboundOptions) {
    this.#options = options;
  }

  register({ to, statement }: Output<'register'>): void {
    const { tid, enlistment } = statement.statement;
    for (const coordinator of this.#coordinators(to)) {
      const key = `${tid} ${enlistment} ${coordinator.id}`;
      if (this.#registering.has(key)) continue;
      this.#registering.add(key);
      void this.#registerAt(coordinator, statement).then((input) => {
        this.#registering.delete(key);
        if (input !== undefined) this.#options.submit(input);
      });
    }
  }

  vote({ to, statement }: Output<'send-vote'>): void {
    const { tid, enlistment, vote } = statement.statement;
    const extension = statementExtension(encodeSigned(statement));
    this.#notify(to, { tid, enlistment }, voteNames[vote], extension);
  }

  outcome({ to, statement }: Output<'send-acknowledgement'>): void {
    const { tid, enlistment, outcome } = statement.statement;
    const name = outcome === 'commit' ? 'Committed' : 'Aborted';
    this.#notify(to, { tid, enlistment }, name, statementExtension(encodeSigned(statement)));
  }

  fault({ to, ref, fault }: Output<'send-fault'>): void {
    const soapFault = soapFaultOf(fault);
    this.#send(to, ref, { action: soapFault.action, body: faultBody('1.2', soapFault) });
  }

  async #registerAt(
    coordinator: CoordinatorMember,
    statement: Signed<RegistrationStatement>,
  ): Promise<Registered | undefined> {
    const { client, cluster, log } = this.#options;
    const { tid, enlistment, protocol, address } = statement.statement;
    const ref = { tid, enlistment };
    const target = endpoint(`${coordinator.url}/registration`, transactionIdParameter(tid));
    try {
      const reply = await client.request(target, {
        action: coordinationActions.register,
        body: writeRegister({
          protocol,
          participantProtocolService: endpoint(address, ...parameters(ref)),
          extensions: [statementExtension(encodeSigned(statement))],
        }),
        timeoutMs: registrationPatience * cluster.timing.resendAfterMs,
      });
      if (!isFrom(coordinator, reply.principal)) throw new Error('signed by somebody else');
      readRegisterResponse(reply.body);
      return { kind: 'registered', replica: coordinator.id, ref };
    } catch (error) {
      log.debug({ err: error, replica: coordinator.id, tid }, 'not-registered');
      const replica = coordinator.id;
      if (error instanceof SoapTransportError && error.code === 'refused') {
        return { kind: 'registration-failed', replica, ref };
      }
      const refused = error instanceof ReceivedFault && isFrom(coordinator, error.data.principal);
      return refused ? { kind: 'registration-refused', replica, ref } : undefined;
    }
  }

  #notify(
    to: readonly ReplicaId[],
    ref: EnlistmentRef,
    name: NotificationName,
    ...extensions: readonly XmlElement[]
  ): void {
    const body = writeNotification(name, ...extensions);
    this.#send(to, ref, { action: notificationAction(name), body });
  }

  #send(
    to: readonly ReplicaId[],
    ref: EnlistmentRef,
    message: { readonly action: string; readonly body: XmlElement },
  ): void {
    const { client, self, log } = this.#options;
    const from: EndpointReference = endpoint(`${self.url}/participant`, ...parameters(ref));
    for (const { url, id } of this.#coordinators(to)) {
      client
        .notify(endpoint(`${url}/coordinator`, ...parameters(ref)), { ...message, from })
        .catch((error: unknown) => log.debug({ err: error, replica: id, ...ref }, 'not-notified'));
    }
  }

  #coordinators(ids: readonly ReplicaId[]): readonly CoordinatorMember[] {
    return this.#options.cluster.coordinators.filter(({ id }) => ids.includes(id));
  }
}

function parameters({ tid, enlistment }: EnlistmentRef): readonly XmlElement[] {
  return [transactionIdParameter(tid), enlistmentIdParameter(enlistment)];
}

function isFrom({ id }: CoordinatorMember, principal: Principal): boolean {
  return principal.role === 'coordinator' && principal.id === id;
}

function soapFaultOf(fault: Output<'send-fault'>['fault']): SoapFault {
  switch (fault) {
    case 'InvalidState':
      return coordinationFaults.invalidState();
    case 'InconsistentInternalState':
      return transactionFaults.inconsistentInternalState();
  }
}
