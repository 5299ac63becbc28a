import {
  decodeDecisionProof,
  encodeCommitCertificate,
} from '../../../src/agreement/certificate.js';
import { SHOWN_TRANSACTIONS_MAX } from '../../../src/agreement/core/abstentions.js';
import { type DecisionProof, type Slot, slotKey } from '../../../src/agreement/messages.js';
import { encodePeerMessage } from '../../../src/agreement/peer-message.js';
import { encodeSigned } from '../../../src/agreement/signing.js';
import type { Statement } from '../../../src/agreement/statements.js';
import type { Core } from '../../../src/kernel/core.js';
import { type ReplicaId, unreachable } from '../../../src/kernel/ids.js';
import type { Verified } from '../../../src/kernel/signed.js';
import type { CoordinatorOptions } from '../../../src/transaction/coordinator/core/coordinator.js';
import type {
  CoordinatorInput,
  CoordinatorOutput,
} from '../../../src/transaction/coordinator/core/messages.js';
import {
  addressOfService,
  bankAt,
  coordinatorAddress,
  initiatorAddress,
  initiatorAt,
  replicaAt,
} from '../kit/cast.js';
import type { Packet } from './packets.js';
import { PacketParty, type PacketPartyOptions } from './party.js';

export type CoordinatorFactory = (
  options: CoordinatorOptions,
) => Core<CoordinatorInput, CoordinatorOutput>;

export interface CoordinatorPartyOptions extends PacketPartyOptions {
  readonly self: ReplicaId;
  readonly entropy: Uint8Array;
  readonly createCore: CoordinatorFactory;
}

/** A request silentBankLoad for so long gets a receiver's fault (`src/transaction/coordinator/node`). */
const REPLY_TIMEOUT_MS = 10_000;

/** One incarnation of a coordinator replica: its core, with packets in place of ports and notices. */
export class CoordinatorParty extends PacketParty<CoordinatorInput, CoordinatorOutput, number> {
  readonly #self: ReplicaId;

  constructor(options: CoordinatorPartyOptions) {
    super(options, coreOf(options));
    this.#self = options.self;
    this.start();
  }

  override linked(other: string): void {
    const replica = replicaAt(other);
    if (replica !== undefined) this.submit({ kind: 'peer-up', replica });
  }

  protected take(from: string, packet: Packet): void {
    switch (packet.kind) {
      case 'peer': {
        const replica = replicaAt(from);
        if (replica === undefined) return;
        const message = this.reader.peer(replica, packet.bytes)?.verified;
        if (message) this.submit({ kind: 'peer', message });
        return;
      }
      case 'activate':
      case 'register':
      case 'complete':
      case 'vote':
      case 'ended':
        return this.#receiveStatement(from, packet);
      default:
        return;
    }
  }

  /** A statement counts only when its sender brings it (`src/transaction/coordinator/node/ports.ts`). */
  #receiveStatement(
    from: string,
    packet: Extract<Packet, { kind: 'activate' | 'register' | 'complete' | 'vote' | 'ended' }>,
  ): void {
    const signed = this.reader.statement(packet.statement);
    if (signed === undefined || !isOwn(from, signed.statement)) return;
    if (packet.kind === 'activate' && isKind(signed, 'activation')) {
      const replyId = this.#expectReply(from, packet.call);
      this.submit({ kind: 'activate', statement: signed, replyId });
    } else if (packet.kind === 'register' && isKind(signed, 'registration')) {
      if (addressOfService(signed.statement.address) === undefined) return;
      const replyId = this.#expectReply(from, packet.call);
      this.submit({ kind: 'register', statement: signed, replyId });
    } else if (packet.kind === 'complete' && isKind(signed, 'completion')) {
      this.submit({ kind: 'complete', statement: signed });
    } else if (packet.kind === 'vote' && isKind(signed, 'vote')) {
      this.submit({ kind: 'vote', statement: signed, source: from });
    } else if (packet.kind === 'ended' && isKind(signed, 'acknowledgement')) {
      this.submit({ kind: 'ended', statement: signed });
    }
  }

  #expectReply(to: string, call: number): string {
    const id = this.callers.add({ to, call });
    this.host.after(REPLY_TIMEOUT_MS, () => this.#fault(String(id), 'Late', true));
    return String(id);
  }

  #fault(replyId: string, code: string, isForNow: boolean): void {
    this.reply(Number(replyId), (call) => ({ kind: 'fault', call, code, isForNow }));
  }

  protected perform(output: CoordinatorOutput): void {
    const { mail } = this;
    switch (output.kind) {
      case 'send':
      case 'broadcast':
        return this.#sendPeers(
          output.kind === 'send' ? [output.to] : this.#others(),
          encodePeerMessage(output.message),
        );
      case 'send-proof': {
        const proof = this.#storedProof(output.slot);
        if (!proof) return;
        return this.#sendPeers([output.to], encodePeerMessage({ kind: 'decided', proof }));
      }
      case 'activated':
        return this.#activated(output);
      case 'registered':
        return this.reply(Number(output.replyId), (call) => ({ kind: 'registered', call }));
      case 'refused':
        return this.#fault(output.replyId, output.fault, false);
      case 'notify-participant': {
        const { notice, registration, certificate, completion, vote } = output;
        const { tid, enlistment, address } = registration;
        const to = addressOfService(address);
        const shown = {
          ...proof(certificate),
          ...(completion && { completion: completion.map(encodeSigned) }),
          ...(vote && { vote: encodeSigned(vote) }),
        };
        if (to) mail.send(to, { kind: 'notice', notice, tid, enlistment, ...shown });
        return;
      }
      case 'answer-unknown': {
        if (output.answer !== 'Rollback') return;
        const { tid, enlistment } = output.vote;
        return mail.send(output.source, { kind: 'notice', notice: 'Rollback', tid, enlistment });
      }
      case 'notify-initiator': {
        const { initiator, tid, outcome, certificate } = output;
        const packet = { kind: 'outcome', tid, outcome, ...proof(certificate) } as const;
        return mail.send(initiatorAddress(initiator), packet);
      }
      case 'fault-initiator': {
        const { initiator, tid, fault } = output;
        return mail.send(initiatorAddress(initiator), { kind: 'completion-fault', tid, fault });
      }
      case 'fault-participant':
      case 'decided':
      case 'persist':
      case 'start-timer':
      case 'stop-timer':
      case 'log':
        return;
      default:
        return unreachable(output);
    }
  }

  #activated(output: Extract<CoordinatorOutput, { kind: 'activated' }>): void {
    const { replyId, tid, slot } = output;
    const decision = output.proof ?? this.#storedProof(slot);
    if (!decision) return this.#fault(replyId, 'CannotCreateContext', false);
    const bytes = encodeCommitCertificate(decision.commits);
    this.reply(Number(replyId), (call) => ({ kind: 'activated', call, tid, proof: bytes }));
  }

  #storedProof(slot: Slot): DecisionProof | undefined {
    const stored = this.host.disk.read(`decided/${slotKey(slot)}`);
    return stored && decodeDecisionProof(this.cast.cluster.id, stored);
  }

  #others(): ReplicaId[] {
    return this.cast.cluster.coordinators.map(({ id }) => id).filter((id) => id !== this.#self);
  }

  #sendPeers(to: readonly ReplicaId[], bytes: Uint8Array): void {
    this.sendReplicas(to, { kind: 'peer', bytes });
  }
}

function coreOf({ cast, self, entropy, createCore }: CoordinatorPartyOptions) {
  const { cluster } = cast;
  return createCore({
    cluster: cluster.id,
    resilience: cluster.resilience,
    agreement: cluster.agreement,
    self,
    initiators: cluster.initiators.map(({ id }) => id),
    ...cluster.timing,
    retainedTransactions: cluster.retainedTransactions,
    owedTransactions: cluster.owedTransactions,
    shownTransactions: SHOWN_TRANSACTIONS_MAX,
    entropy,
    sign: cast.signOf(coordinatorAddress(self)),
  });
}

function proof(certificate: Parameters<typeof encodeCommitCertificate>[0] | undefined) {
  return certificate ? { proof: encodeCommitCertificate(certificate) } : {};
}

function isOwn(from: string, statement: Statement): boolean {
  return 'initiator' in statement
    ? initiatorAt(from) === statement.initiator
    : bankAt(from) === statement.participant;
}

function isKind<Kind extends Statement['kind']>(
  signed: Verified<Statement>,
  kind: Kind,
): signed is Verified<Extract<Statement, { kind: Kind }>> {
  return signed.statement.kind === kind;
}
