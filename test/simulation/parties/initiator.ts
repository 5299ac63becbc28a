import { encodeSigned, signStatement } from '../../../src/agreement/signing.js';
import { operationOf, requestDigest } from '../../../src/banking/initiator/outbound.js';
import type { PostingCall } from '../../../src/banking/soap.js';
import { accountId, currency } from '../../../src/banking/soap.js';
import type { Core } from '../../../src/kernel/core.js';
import {
  clientPrincipal,
  type Digest,
  type InitiatorId,
  type ReplicaId,
  unreachable,
} from '../../../src/kernel/ids.js';
import type {
  InitiatorEvent,
  InitiatorInput,
  InitiatorOptions,
  InitiatorOutput,
  LegResult,
  RequestId,
} from '../../../src/transaction/initiator/messages.js';
import { coordinatorAddress, initiatorAddress, replicaAt } from '../kit/cast.js';
import { Calls } from './calls.js';
import { isReply, type Packet, type Reply } from './packets.js';
import { PacketParty, type PacketPartyOptions } from './party.js';

type Output<Kind extends InitiatorOutput['kind']> = Extract<
  InitiatorOutput<PostingCall>,
  { kind: Kind }
>;
type Evidence = Extract<InitiatorInput, { kind: 'notified' }>['evidence'];

export type InitiatorFactory = (
  options: InitiatorOptions,
) => Core<InitiatorInput<PostingCall>, InitiatorOutput<PostingCall>>;

export interface InitiatorPartyOptions extends PacketPartyOptions {
  readonly self: InitiatorId;
  readonly createCore: InitiatorFactory;
}

const limits = {
  transactions: 1024,
  transactionsOfOneClient: 256,
  sharedLegs: 256,
  clients: 16_384,
  waiters: 4,
};

/** One incarnation of an initiator: its core, with packets in place of SOAP calls. */
export class InitiatorParty extends PacketParty<
  InitiatorInput<PostingCall>,
  InitiatorOutput<PostingCall>,
  RequestId
> {
  readonly #calls: Calls;
  /** A replica is not asked again while it is being asked. */
  readonly #activating = new Set<string>();

  constructor(options: InitiatorPartyOptions) {
    super(options, coreOf(options));
    this.#calls = new Calls(options.host, options.mail);
    this.start();
  }

  protected take(from: string, packet: Packet): void {
    if (isReply(packet)) return this.#calls.answered(from, packet);
    if (packet.kind === 'transfer') return this.#receiveTransfer(from, packet);
    const replica = replicaAt(from);
    if (replica === undefined) return;
    if (packet.kind === 'outcome') {
      const evidence = this.#evidence(packet);
      if (evidence) this.submit({ kind: 'notified', replica, tid: packet.tid, evidence });
    } else if (packet.kind === 'completion-fault' && packet.fault === 'InvalidState') {
      // Only Committed answers a Rollback so: a word for commit (`src/banking/initiator/ports.ts`).
      const evidence = { kind: 'plain', outcome: 'commit' } as const;
      this.submit({ kind: 'notified', replica, tid: packet.tid, evidence });
    }
  }

  #receiveTransfer(from: string, packet: Extract<Packet, { kind: 'transfer' }>): void {
    const { call, client, timestamp, order } = packet;
    if (clientPrincipal(client) !== from) return;
    const requestId = this.callers.add({ to: from, call });
    this.submit({
      kind: 'request',
      requestId,
      client,
      timestamp,
      digest: requestDigest(this.cast.cluster.id, { client, timestamp }, order),
      operation: operationOf(order),
      warrant: { kind: 'request', bytes: new Uint8Array(), of: from },
    });
  }

  /** Undefined where the proof proves nothing: the message is refused. */
  #evidence({ outcome, proof }: Extract<Packet, { kind: 'outcome' }>): Evidence | undefined {
    if (proof === undefined) return { kind: 'plain', outcome };
    const certificate = this.reader.certificate(proof);
    return certificate && { kind: 'proof', certificate };
  }

  protected perform(output: InitiatorOutput<PostingCall>): void {
    switch (output.kind) {
      case 'send-activation':
        return this.#activate(output);
      case 'invoke-leg':
        return this.#invoke(output);
      case 'send-completion': {
        const statement = encodeSigned(output.statement);
        return this.sendReplicas(output.to, { kind: 'complete', statement });
      }
      case 'answer':
        return this.#answer(output);
      default:
        return unreachable(output);
    }
  }

  #activate({ request, to, statement }: Output<'send-activation'>): void {
    const timeoutMs = this.cast.cluster.timing.defaultExpiresMs;
    const bytes = encodeSigned(statement);
    for (const replica of to) {
      const key = `${request} ${replica}`;
      if (this.#activating.has(key)) continue;
      this.#activating.add(key);
      const packet = { kind: 'activate', statement: bytes } as const;
      this.#calls.request(coordinatorAddress(replica), packet, timeoutMs, (reply) => {
        this.#activating.delete(key);
        const evidence = this.#activation(reply);
        this.submit(
          evidence
            ? { kind: 'activated', replica, request, evidence }
            : activationFailure(reply, replica, request),
        );
      });
    }
  }

  #activation(
    reply: Reply | undefined,
  ): Extract<InitiatorInput, { kind: 'activated' }>['evidence'] | undefined {
    if (reply?.kind !== 'activated') return undefined;
    if (reply.proof === undefined) return { kind: 'plain', tid: reply.tid };
    const certificate = this.reader.certificate(reply.proof);
    return certificate && { kind: 'proof', certificate };
  }

  #invoke({ request, tid, leg, call, ...output }: Output<'invoke-leg'>): void {
    const { timing } = this.cast.cluster;
    const posting = {
      kind: call.side,
      account: accountId(call.account),
      amountMinor: call.amountMinor,
      currency: currency(call.currency),
    };
    const invitation = encodeSigned(output.invitation);
    const expiresMs = timing.defaultExpiresMs;
    const packet = { kind: 'post', tid, expiresMs, posting, invitation } as const;
    this.#calls.request(call.participant, packet, timing.voteTimeoutMs, (reply) => {
      this.submit({ kind: 'leg-answered', request, leg, result: legResult(reply) });
    });
  }

  #answer({ requestId, reply }: Output<'answer'>): void {
    if (reply.kind === 'outcome') {
      const { transactionId: tid, outcome, reason } = reply;
      const why = reason === undefined ? {} : { reason };
      return this.reply(requestId, (call) => ({ kind: 'transferred', call, tid, outcome, ...why }));
    }
    if (reply.kind !== 'refusal') return;
    const { code } = reply;
    const isForNow = code !== 'stale' && code !== 'conflict';
    this.reply(requestId, (call) => ({ kind: 'fault', call, code, isForNow }));
  }
}

function coreOf({ cast, self, createCore }: InitiatorPartyOptions) {
  const sign = cast.signOf(initiatorAddress(self));
  return createCore({
    id: self,
    resilience: cast.cluster.resilience,
    timing: cast.cluster.timing,
    limits,
    fronts: new Set(),
    sign: (statement) => signStatement(sign, cast.cluster.id, statement),
  });
}

function legResult(reply: Reply | undefined): LegResult {
  if (reply?.kind === 'posted') return { kind: 'done' };
  if (reply?.kind !== 'fault' || reply.isForNow) return { kind: 'unreachable' };
  return { kind: 'refused', reason: reply.code };
}

function activationFailure(
  reply: Reply | undefined,
  replica: ReplicaId,
  request: Digest,
): InitiatorEvent {
  const code = reply?.kind === 'fault' ? reply.code : undefined;
  return code === 'TooOld' || code === 'TimestampTaken'
    ? { kind: 'activation-refused', replica, request, fault: code }
    : { kind: 'activation-failed', replica, request };
}
