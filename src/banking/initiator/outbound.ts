import { decodeCommitCertificate } from '../../agreement/certificate.js';
import { verifyCommitCertificate } from '../../agreement/check-message.js';
import { encodeSigned } from '../../agreement/signing.js';
import type { InvitationStatement } from '../../agreement/statements.js';
import type {
  Cluster,
  CoordinatorMember,
  InitiatorMember,
  ParticipantMember,
} from '../../kernel/cluster.js';
import { sha256 } from '../../kernel/digest.js';
import type { Logger } from '../../kernel/http/logger.js';
import {
  type ClusterId,
  type Digest,
  type ReplicaId,
  type TransactionId,
  unreachable,
} from '../../kernel/ids.js';
import type { Keyring } from '../../kernel/keys.js';
import type { Signed } from '../../kernel/signed.js';
import { callService } from '../../service/initiator/call-service.js';
import type { ProcedureCall } from '../../service/initiator/procedures.js';
import { type EndpointReference, endpoint } from '../../soap/addressing.js';
import { ReceivedFault, type SoapClient } from '../../soap/client.js';
import { SoapTransportError } from '../../soap/transport.js';
import type { Principal } from '../../soap/trust.js';
import { namespaces } from '../../soap/vocabulary.js';
import type { XmlElement } from '../../soap/xml.js';
import type {
  ActivationFault,
  CallAnswer,
  InitiatorEvent,
  InitiatorOutput,
  LegResult,
  Warrant,
} from '../../transaction/initiator/messages.js';
import {
  ATOMIC_TRANSACTION,
  type CoordinationContext,
  contextOf,
  coordinationActions,
  coordinationContextHeader,
  notificationAction,
  readCreateCoordinationContextResponse,
  transactionOf,
  writeCreateCoordinationContext,
  writeNotification,
} from '../../transaction/soap/coordination.js';
import {
  findProof,
  invitationExtension,
  orderHeader,
  type RequestHeader,
  signedRequestHeader,
  statementExtension,
  transactionIdParameter,
} from '../../transaction/soap/extension.js';
import {
  accountId,
  bankActions,
  currency as currencyCode,
  type PostingCall,
  type Postings,
  readPostingResponse,
  type Transfer,
  totalMinor,
  writePosting,
} from '../soap.js';

/**
 * The legs of a transfer: the debit, then the credits. Creditors with the same account become one
 * leg, because a participant knows a leg by what it says and would take two alike for one.
 */
export function operationOf(transfer: Transfer): Postings {
  const { debtor, creditors, currency } = transfer;
  const debit: PostingCall = {
    kind: 'posting',
    participant: debtor.bank,
    side: 'debit',
    account: debtor.account,
    amountMinor: totalMinor(transfer),
    currency,
  };
  const credits = new Map<string, PostingCall>();
  for (const { bank, account, amountMinor } of creditors) {
    const key = `${bank} ${account}`;
    const before = credits.get(key)?.amountMinor ?? 0;
    const sum = before + amountMinor;
    const call = { kind: 'posting', participant: bank, side: 'credit', account, currency } as const;
    credits.set(key, { ...call, amountMinor: sum });
  }
  return { kind: 'plan', legs: [debit, ...credits.values()] };
}

/**
 * Digest of a client's request: what it asks for, as whom and when. All initiators come to the same
 * one, however the message was written.
 */
export function requestDigest(
  cluster: ClusterId,
  { client, timestamp }: RequestHeader,
  { debtor, creditors, currency }: Transfer,
): Digest {
  const content = [
    'concordat/1 transfer',
    cluster,
    client,
    timestamp,
    [debtor.bank, debtor.account],
    creditors.map(({ bank, account, amountMinor }) => [bank, account, amountMinor]),
    currency,
  ];
  return sha256(Buffer.from(JSON.stringify(content)));
}

/** What an initiator can be asked to call. */
export type InitiatorCall = PostingCall | ProcedureCall;

type Output<Kind extends InitiatorOutput['kind']> = Extract<
  InitiatorOutput<InitiatorCall>,
  { kind: Kind }
>;
type Activated = Extract<InitiatorEvent, { kind: 'activated' }>;

export interface InitiatorOutboundOptions {
  readonly cluster: Cluster;
  readonly self: InitiatorMember;
  readonly keyring: Keyring;
  readonly client: SoapClient;
  readonly log: Logger;
  /** Takes what the calls bring back. */
  readonly submit: (input: InitiatorEvent) => void;
}

/** The calls that an initiator makes. None of them throws; what fails is reported to the core, or logged. */
export class Outbound {
  readonly #options: InitiatorOutboundOptions;
  /** Activations under way, by request and replica: a replica is not asked again meanwhile. */
  readonly #activating = new Set<string>();

  constructor(options: InitiatorOutboundOptions) {
    this.#options = options;
  }

  activate(output: Output<'send-activation'>): void {
    for (const coordinator of this.#coordinators(output.to)) {
      const key = `${output.request} ${coordinator.id}`;
      if (this.#activating.has(key)) continue;
      this.#activating.add(key);
      void this.#activateAt(coordinator, output).then((input) => {
        this.#activating.delete(key);
        this.#options.submit(input);
      });
    }
  }

  invoke(output: Output<'invoke-leg'>): void {
    void this.#invoke(output).then((result) =>
      this.#options.submit({
        kind: 'leg-answered',
        request: output.request,
        leg: output.leg,
        result,
      }),
    );
  }

  complete({ to, statement }: Output<'send-completion'>): void {
    const { self, client, log } = this.#options;
    const { tid, decision } = statement.statement;
    const name = decision === 'commit' ? 'Commit' : 'Rollback';
    const parameter = transactionIdParameter(tid);
    for (const coordinator of this.#coordinators(to)) {
      client
        .notify(endpoint(`${coordinator.url}/completion`, parameter), {
          action: notificationAction(name),
          body: writeNotification(name, statementExtension(encodeSigned(statement))),
          from: endpoint(`${self.url}/completion-initiator`, parameter),
        })
        .catch((error: unknown) => {
          log.debug({ err: error, tid }, 'completion-not-taken');
          this.#options.submit({ kind: 'completion-failed', tid });
        });
    }
  }

  async #activateAt(
    coordinator: CoordinatorMember,
    { request, statement }: Output<'send-activation'>,
  ): Promise<InitiatorEvent> {
    const replica = coordinator.id;
    try {
      const reply = await this.#options.client.request(endpoint(`${coordinator.url}/activation`), {
        action: coordinationActions.createCoordinationContext,
        body: writeCreateCoordinationContext({
          expiresMs: statement.statement.expiresMs,
          coordinationType: ATOMIC_TRANSACTION,
          extensions: [statementExtension(encodeSigned(statement))],
        }),
        // A slow coordinator is not asked anew: that would only make it slower.
        timeoutMs: this.#options.cluster.timing.defaultExpiresMs,
      });
      requireFrom('coordinator', coordinator, reply.principal);
      const { context, extensions } = readCreateCoordinationContextResponse(reply.body);
      const proof = findProof(extensions);
      const evidence: Activated['evidence'] =
        proof === undefined
          ? { kind: 'plain', tid: transactionOf(context) }
          : this.#verifiedProof(proof);
      return { kind: 'activated', replica, request, evidence };
    } catch (error) {
      this.#options.log.debug({ err: error, replica }, 'activation-failed');
      const fault = activationFault(coordinator, error);
      return fault === undefined
        ? { kind: 'activation-failed', replica, request }
        : { kind: 'activation-refused', replica, request, fault };
    }
  }

  /** Throws where the bytes are no proof. */
  #verifiedProof(bytes: Uint8Array): Activated['evidence'] {
    const { cluster, keyring } = this.#options;
    const verified = verifyCommitCertificate(keyring, decodeCommitCertificate(cluster.id, bytes));
    if (!verified.ok) throw new Error(`invalid proof: ${verified.error.code}`);
    return { kind: 'proof', certificate: verified.value };
  }

  async #invoke(output: Output<'invoke-leg'>): Promise<LegResult> {
    const { tid, call } = output;
    const { cluster, log } = this.#options;
    const { participant } = call;
    const member = cluster.participants.find(({ id }) => id === participant);
    if (member === undefined) return { kind: 'refused', reason: 'UnknownParticipant' };
    try {
      return await this.#call(member, output);
    } catch (error) {
      const isFault = error instanceof ReceivedFault;
      if (
        isFault &&
        error.data.soapCode !== 'Receiver' &&
        isFrom('participant', member, error.data.principal)
      ) {
        return { kind: 'refused', reason: reasonOf(error, output) };
      }
      log.debug({ err: error, participant, tid }, 'participant-unreachable');
      return { kind: 'unreachable' };
    }
  }

  async #call(member: ParticipantMember, output: Output<'invoke-leg'>): Promise<CallAnswer> {
    const { tid, leg, call, warrant, invitation } = output;
    const { client, cluster } = this.#options;
    const context = coordinationContextHeader(this.#context(tid, invitation), '1.2');
    const timeoutMs = cluster.timing.voteTimeoutMs;
    switch (call.kind) {
      case 'posting':
        return this.#post(member, call, [
          context,
          ...(call.side === 'debit' ? [warrantHeader(warrant)] : []),
        ]);
      case 'call':
        return callService(call, {
          ...{ client, member, number: leg, timeoutMs },
          headers: [context, warrantHeader(warrant)],
          requireFrom: (principal) => requireFrom('participant', member, principal),
        });
      default:
        return unreachable(call);
    }
  }

  async #post(
    member: ParticipantMember,
    { side, account, amountMinor, currency }: PostingCall,
    headers: readonly XmlElement[],
  ): Promise<CallAnswer> {
    const { client, cluster } = this.#options;
    const reply = await client.request(endpoint(`${member.url}/account`), {
      action: side === 'debit' ? bankActions.debit : bankActions.credit,
      headers,
      body: writePosting({
        kind: side,
        account: accountId(account),
        amountMinor,
        currency: currencyCode(currency),
      }),
      timeoutMs: cluster.timing.voteTimeoutMs,
    });
    requireFrom('participant', member, reply.principal);
    readPostingResponse(reply.body, side);
    return { kind: 'done' };
  }

  /**
   * The context for participants. All initiators make the same one, from the cluster file, but for the
   * invitation: what a single coordinator's answer says besides the transaction id is nobody's to
   * believe.
   */
  #context(tid: TransactionId, invitation: Signed<InvitationStatement>): CoordinationContext {
    const { cluster } = this.#options;
    const [first] = cluster.coordinators;
    const registration: EndpointReference = endpoint(
      `${first?.url ?? ''}/registration`,
      transactionIdParameter(tid),
    );
    const context = contextOf(tid, registration, cluster.timing.defaultExpiresMs);
    return { ...context, extensions: [invitationExtension(encodeSigned(invitation))] };
  }

  #coordinators(ids: readonly ReplicaId[]): readonly CoordinatorMember[] {
    return this.#options.cluster.coordinators.filter(({ id }) => ids.includes(id));
  }
}

function warrantHeader({ kind, bytes }: Warrant): XmlElement {
  return kind === 'request' ? signedRequestHeader(bytes) : orderHeader(bytes);
}

/** The same at every initiator, whatever else the bank says: a client believes it of `f + 1`. */
function reasonOf({ code }: ReceivedFault, { call, warrant }: Output<'invoke-leg'>): string {
  const isAllowed = call.kind === 'call' || code !== 'NotAuthorized';
  return isAllowed ? code : `${code}: ${warrant.of} may not ${call.side} ${call.account}`;
}

type Callee = { readonly id: number | string; readonly url: string };

function isFrom(role: Principal['role'], { id }: Callee, principal: Principal): boolean {
  return principal.role === role && 'id' in principal && principal.id === id;
}

/** Only what the coordinator itself has signed shows that it will never activate the request. */
function activationFault(
  coordinator: CoordinatorMember,
  error: unknown,
): ActivationFault | undefined {
  if (!(error instanceof ReceivedFault)) return undefined;
  if (!isFrom('coordinator', coordinator, error.data.principal)) return undefined;
  const faults = ['TooOld', 'TimestampTaken'] as const;
  return faults.find((code) => error.is(namespaces.concordat, code));
}

function requireFrom(role: Principal['role'], callee: Callee, principal: Principal): void {
  if (!isFrom(role, callee, principal)) {
    throw new SoapTransportError('bad-reply', callee.url, `signed by ${principal.name}`);
  }
}
