import { encodeSigned, signStatement } from '../../../src/agreement/signing.js';
import type { InvitationStatement } from '../../../src/agreement/statements.js';
import type { BankInput, BankOutput } from '../../../src/banking/bank/bank-core.js';
import type { Balance } from '../../../src/banking/soap.js';
import type { Core } from '../../../src/kernel/core.js';
import { sha256 } from '../../../src/kernel/digest.js';
import {
  type Digest,
  enlistmentId,
  type InitiatorId,
  type ParticipantId,
  type TransactionId,
  unreachable,
} from '../../../src/kernel/ids.js';
import type {
  CallId,
  EnlistmentRef,
  Notification,
  ParticipantOptions,
} from '../../../src/transaction/participant/messages.js';
import { coordinatorAddress, initiatorAt, replicaAt, serviceOf } from '../kit/cast.js';
import { Calls } from './calls.js';
import { isReply, type Packet } from './packets.js';
import { PacketParty, type PacketPartyOptions } from './party.js';

type Output<Kind extends BankOutput['kind']> = Extract<BankOutput, { kind: Kind }>;

export type BankFactory = (
  options: ParticipantOptions,
  openingAccounts: readonly Balance[],
) => Core<BankInput, BankOutput>;

export interface BankPartyOptions extends PacketPartyOptions {
  readonly self: ParticipantId;
  readonly openingAccounts: readonly Balance[];
  readonly createCore: BankFactory;
}

const limits = { enlistments: 4096, invitationsPerInitiator: 1024, finished: 16_384 };
/** As in `src/banking/bank`: no transaction is waited for longer than so many default lifetimes. */
const expiryPatience = 10;
/** A Register is given up after so many resend times. */
const registrationPatience = 10;

const notifications: Readonly<Record<'Prepare' | 'Commit' | 'Rollback', Notification>> = {
  Prepare: 'prepare',
  Commit: 'commit',
  Rollback: 'rollback',
};

/** One incarnation of a bank: its core, with packets in place of SOAP ports. */
export class BankParty extends PacketParty<BankInput, BankOutput, CallId> {
  readonly #self: ParticipantId;
  readonly #calls: Calls;
  readonly #registering = new Set<string>();

  constructor(options: BankPartyOptions) {
    super(options, coreOf(options));
    this.#self = options.self;
    this.#calls = new Calls(options.host, options.mail);
    this.start();
  }

  protected take(from: string, packet: Packet): void {
    if (isReply(packet)) return this.#calls.answered(from, packet);
    switch (packet.kind) {
      case 'post':
        return this.#receivePosting(from, packet);
      case 'notice':
        return this.#receiveNotice(from, packet);
      case 'get-balance': {
        const { account } = packet;
        const call = this.callers.add({ to: from, call: packet.call });
        return this.submit({ kind: 'balance-asked', call, account });
      }
      default:
        return;
    }
  }

  #receivePosting(from: string, packet: Extract<Packet, { kind: 'post' }>): void {
    const initiator = initiatorAt(from);
    if (initiator === undefined) return;
    const { tid, expiresMs, posting } = packet;
    const { kind, account, amountMinor, currency } = posting;
    const self = this.#self;
    const invitation = this.reader.invitation(packet.invitation);
    if (invitation === undefined || !invites(invitation.statement, { initiator, tid, self }))
      return;
    const call = this.callers.add({ to: from, call: packet.call });
    this.submit({
      kind: 'invited',
      call,
      initiator,
      tid,
      operation: posting,
      digest: digestOf([kind, account, amountMinor, currency]),
      protocol: 'durable',
      expiresMs,
      invitation,
      enlistment: enlistmentId(`${self}.${this.mail.random.uuid()}`),
    });
  }

  /** A notice whose proof proves nothing is refused. */
  #receiveNotice(from: string, packet: Extract<Packet, { kind: 'notice' }>): void {
    const replica = replicaAt(from);
    if (replica === undefined) return;
    const { tid, enlistment, notice, proof, completion: asked, vote: shown } = packet;
    const certificate = proof && this.reader.certificate(proof);
    if (proof !== undefined && certificate === undefined) return;
    const completion = asked && this.reader.completion(asked);
    if (asked !== undefined && completion === undefined) return;
    const vote = shown && this.reader.voteOf(this.#self, shown);
    if (shown !== undefined && vote === undefined) return;
    this.submit({
      kind: 'notified',
      replica,
      ref: { tid, enlistment },
      message: notifications[notice],
      ...(certificate && { certificate }),
      ...(completion && { completion }),
      ...(vote && { vote }),
    });
  }

  protected perform(output: BankOutput): void {
    switch (output.kind) {
      case 'answer':
        for (const id of output.calls) {
          this.reply(id, (call) =>
            output.result.kind === 'done'
              ? { kind: 'posted', call }
              : fault(call, output.result.reason),
          );
        }
        return;
      case 'tell-balance':
        return this.reply(output.call, (call) =>
          output.balance
            ? { kind: 'balance', call, amountMinor: output.balance.amountMinor }
            : fault(call, 'UnknownAccount'),
        );
      case 'register':
        return this.#register(output);
      case 'send-vote': {
        const statement = encodeSigned(output.statement);
        return this.sendReplicas(output.to, { kind: 'vote', statement });
      }
      case 'send-acknowledgement': {
        const statement = encodeSigned(output.statement);
        return this.sendReplicas(output.to, { kind: 'ended', statement });
      }
      case 'send-fault':
        return;
      default:
        return unreachable(output);
    }
  }

  #register({ to, statement }: Output<'register'>): void {
    const { tid, enlistment } = statement.statement;
    const ref: EnlistmentRef = { tid, enlistment };
    const timeoutMs = registrationPatience * this.cast.cluster.timing.resendAfterMs;
    const packet = { kind: 'register', statement: encodeSigned(statement) } as const;
    for (const replica of to) {
      const key = `${enlistment} ${replica}`;
      if (this.#registering.has(key)) continue;
      this.#registering.add(key);
      this.#calls.request(coordinatorAddress(replica), packet, timeoutMs, (reply) => {
        this.#registering.delete(key);
        if (reply?.kind === 'registered') {
          this.submit({ kind: 'registered', replica, ref });
        } else if (reply?.kind === 'fault') {
          this.submit({ kind: 'registration-refused', replica, ref });
        }
      });
    }
  }
}

function coreOf(options: BankPartyOptions): Core<BankInput, BankOutput> {
  const { cast, self, createCore, openingAccounts } = options;
  const { cluster } = cast;
  const sign = cast.signOf(self);
  return createCore(
    {
      id: self,
      resilience: cluster.resilience,
      resendAfterMs: cluster.timing.resendAfterMs,
      limits: { ...limits, expiresMs: expiryPatience * cluster.timing.defaultExpiresMs },
      address: serviceOf(self),
      sign: (statement) => signStatement(sign, cluster.id, statement),
    },
    openingAccounts,
  );
}

function invites(
  { tid, participant, inviter }: InvitationStatement,
  of: {
    readonly initiator: InitiatorId;
    readonly tid: TransactionId;
    readonly self: ParticipantId;
  },
): boolean {
  const isOwn = inviter.role === 'initiator' && inviter.id === of.initiator;
  return isOwn && tid === of.tid && participant === of.self;
}

function fault(call: number, code: string): Packet {
  return { kind: 'fault', call, code, isForNow: code === 'Busy' };
}

function digestOf(content: readonly (string | number)[]): Digest {
  return sha256(Buffer.from(JSON.stringify(content)));
}
