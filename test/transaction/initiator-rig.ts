import type { VerifiedCommitCertificate } from '../../src/agreement/check-message.js';
import type { Slot, SlotResult } from '../../src/agreement/messages.js';
import type { Outcome } from '../../src/agreement/statements.js';
import { activationContent, activationSlotRequest } from '../../src/agreement/values.js';
import type { PostingCall, Postings } from '../../src/banking/soap.js';
import type { CommonOutput } from '../../src/kernel/core.js';
import {
  attempt,
  clientId,
  type Digest,
  digest,
  initiatorId,
  participantId,
  replicaId,
  resilience,
  type TransactionId,
  transactionId,
  view,
} from '../../src/kernel/ids.js';
import { Initiator } from '../../src/transaction/initiator/initiator.js';
import type {
  ClientRequest,
  DialogueReply,
  InitiatorEvent,
  InitiatorOptions,
  InitiatorOutput,
  LegResult,
  RequestId,
  RequestReply,
} from '../../src/transaction/initiator/messages.js';

export const timing = { resendAfterMs: 100, voteTimeoutMs: 2000, defaultExpiresMs: 10_000 };

/** A digest that differs by its number. */
export const digestNumber = (n: number): Digest => digest(n.toString(16).padStart(64, '0'));

/** A transaction id that differs by its number. */
export const tidNumber = (n: number): TransactionId =>
  transactionId(`00000000-0000-8000-8000-${n.toString(16).padStart(12, '0')}`);

export const tid = tidNumber(1);
export const postings: Postings = {
  kind: 'plan',
  legs: [posting('bank-a', 'debit', 'a1'), posting('bank-b', 'credit', 'b1')],
};
export const request: ClientRequest<PostingCall> = {
  kind: 'request',
  requestId: 1 as RequestId,
  client: clientId('alice/0'),
  timestamp: 1000,
  digest: digestNumber(1),
  operation: postings,
  warrant: { kind: 'request', bytes: new Uint8Array([1]), of: 'alice' },
};

function posting(bank: string, side: PostingCall['side'], account: string): PostingCall {
  const of = { participant: participantId(bank), side, account } as const;
  return { kind: 'posting', ...of, amountMinor: 500, currency: 'EUR' };
}

type Output = InitiatorOutput<PostingCall> | CommonOutput;

export const smallLimits = {
  transactions: 10,
  transactionsOfOneClient: 10,
  sharedLegs: 100,
  clients: 10,
  waiters: 4,
};

/** An initiator, its running timers, and all that it put out. */
export class Rig {
  readonly timers = new Map<string, number>();
  readonly outputs: Output[] = [];
  readonly core: Initiator<PostingCall>;

  constructor(options: Partial<InitiatorOptions> = {}) {
    this.core = new Initiator({
      id: initiatorId(0),
      resilience: resilience(4, 1),
      timing,
      limits: smallLimits,
      fronts: new Set(['front']),
      sign: (statement) => ({
        statement,
        bytes: new Uint8Array(),
        signature: new Uint8Array(),
      }),
      ...options,
    });
  }

  /** Handles an input and returns what this one put out. */
  give(input: Parameters<Initiator<PostingCall>['handle']>[0]): readonly Output[] {
    if (input.kind === 'timer') this.timers.delete(input.name);
    const outputs = this.core.handle(input);
    for (const output of outputs) {
      if (output.kind === 'start-timer') this.timers.set(output.name, output.delayMs);
      if (output.kind === 'stop-timer') this.timers.delete(output.name);
    }
    this.outputs.push(...outputs);
    return outputs;
  }

  /** Lets a timer of the request run out; throws if it is not running. */
  timeOut(name: string, of: Digest = request.digest): readonly Output[] {
    const timer = `${of}/${name}`;
    if (!this.timers.has(timer)) throw new Error(`no timer ${timer}`);
    return this.give({ kind: 'timer', name: timer });
  }

  activateByProof(inView = 0, by = 0, slotRequest?: Digest): readonly Output[] {
    return this.give(activatedByProof({ inView, by, slotRequest: slotRequest ?? slotOf(request) }));
  }

  leg(leg: number, result: LegResult): readonly Output[] {
    return this.give({ kind: 'leg-answered', request: request.digest, leg, result });
  }

  /** Brings the request as far as the Commit. */
  commit(): readonly Output[] {
    this.give(request);
    this.activateByProof();
    this.leg(0, { kind: 'done' });
    return this.leg(1, { kind: 'done' });
  }

  answers(): (RequestReply | DialogueReply)[] {
    return this.outputs.flatMap((output) => (output.kind === 'answer' ? [output.reply] : []));
  }
}

export function of<Kind extends Output['kind']>(
  outputs: readonly Output[],
  kind: Kind,
): Extract<Output, { kind: Kind }>[] {
  return outputs.filter(
    (output): output is Extract<Output, { kind: Kind }> => output.kind === kind,
  );
}

export const replicas = (...ids: number[]) => ids.map(replicaId);

/** The coordinators' name for the activation of a request. */
export function slotOf(of: ClientRequest): Digest {
  return activationSlotRequest(statementOf(of));
}

function statementOf({ client, timestamp, digest: requestDigest }: ClientRequest) {
  return {
    kind: 'activation',
    client,
    timestamp,
    request: requestDigest,
    expiresMs: timing.defaultExpiresMs,
    initiator: initiatorId(0),
  } as const;
}

function commits(slot: Slot, result: SlotResult, inView = 0) {
  const ballot = { view: view(inView), attempt: attempt(0) };
  const statement = {
    kind: 'phase',
    phase: 'commit',
    slot,
    ballot,
    digest: digestNumber(9),
    result,
  } as const;
  return { statement, bytes: new Uint8Array(), signatures: [] };
}

/** As if the edge had verified a proof. */
export function activatedByProof(what: {
  inView: number;
  by: number;
  slotRequest: Digest;
  digest?: Digest;
  content?: Digest;
}): InitiatorEvent {
  const slot: Slot = { kind: 'activation', request: what.slotRequest };
  const content = what.content ?? activationContent(statementOf(request));
  const certificate = commits(slot, { kind: 'activation', tid, content }, what.inView);
  return {
    kind: 'activated',
    replica: replicaId(what.by),
    request: what.digest ?? request.digest,
    evidence: { kind: 'proof', certificate: certificate as unknown as VerifiedCommitCertificate },
  };
}

export function activatedPlainly(by: number, claimed: TransactionId): InitiatorEvent {
  return {
    kind: 'activated',
    replica: replicaId(by),
    request: request.digest,
    evidence: { kind: 'plain', tid: claimed },
  };
}

export function notifiedPlainly(by: number, outcome: Outcome, about = tid): InitiatorEvent {
  return {
    kind: 'notified',
    replica: replicaId(by),
    tid: about,
    evidence: { kind: 'plain', outcome },
  };
}

/** As if the edge had verified a certificate; `says` is the transaction that it is about. */
export function notifiedByProof(by: number, outcome: Outcome, says = tid): InitiatorEvent {
  const certificate = commits({ kind: 'outcome', tid: says }, { kind: 'outcome', outcome });
  return {
    kind: 'notified',
    replica: replicaId(by),
    tid,
    evidence: {
      kind: 'proof',
      certificate: certificate as unknown as VerifiedCommitCertificate,
    },
  };
}
