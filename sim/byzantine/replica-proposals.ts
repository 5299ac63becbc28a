import { collectiveTransactionId } from '../../src/crypto/collective-uuid.js';
import { digestOfValue } from '../../src/crypto/digest.js';
import type {
  ActivationValue,
  OutcomeValue,
  ParticipantRecord,
  PeerMessage,
  PhaseStatement,
  SlotKey,
  UuidProposal,
} from '../../src/vocabulary/agreement.js';
import { slotKey } from '../../src/vocabulary/agreement.js';
import type { Attempt, TransactionId, View } from '../../src/vocabulary/ids.js';
import { primaryOf, quorum } from '../../src/vocabulary/quorum.js';
import type { ActivationStatement, Signed } from '../../src/vocabulary/statements.js';
import type { BehaviourMaker, Liar, Sent } from './liar.js';
import {
  bareAbort,
  broadcast,
  halves,
  type PrePrepare,
  peerMessage,
  peerPacket,
  rewriting,
  selfOf,
  sign,
  withValue,
} from './replica-tools.js';

/** A primary that proposes one outcome to some, and another one to the others. */
export const equivocateOutcomes: BehaviourMaker = (liar) => {
  const isOther = halves(liar);
  return {
    outgoing: (sent) => {
      const message = peerMessage(liar, liar.address, sent.packet);
      if (message?.kind !== 'pre-prepare' || message.value.kind !== 'outcome') return undefined;
      const other = withValue(liar, message, otherOutcome(liar, message.value));
      return twoFaced(liar, isOther, sent, other);
    },
  };
};

/** Every replica gets another UUID of this one. */
export const equivocateUuids: BehaviourMaker = (liar) =>
  rewriting(liar, (message) => {
    if (message.kind !== 'pre-prepare-reply' && message.kind !== 'activation-pre-prepare') {
      return undefined;
    }
    const uuid = liar.random.hex(32);
    return { ...message, proposal: sign(liar, { ...message.proposal.statement, uuid }) };
  });

/** A primary that chooses some UUIDs for these and other ones for those. */
export const equivocateUpdates: BehaviourMaker = (liar) => {
  const isOther = halves(liar);
  const seen = new Gathered();
  return {
    incoming: (from, packet) => seen.keep(peerMessage(liar, from, packet)),
    outgoing: (sent) => {
      const message = peerMessage(liar, liar.address, sent.packet);
      seen.keep(message);
      if (message?.kind !== 'pre-prepare-update') return undefined;
      const value = seen.valueOf(liar, message.prePrepare.statement);
      if (!value) return undefined;
      const other = proposalOf(liar, message.prePrepare.statement, value);
      return twoFaced(liar, isOther, sent, other);
    },
  };
};

/** A primary that waits for all UUIDs and then makes up its own until it likes the outcome. */
export const grindUuid: BehaviourMaker = (liar) => {
  const seen = new Gathered();
  return {
    incoming: (from, packet) => seen.keep(peerMessage(liar, from, packet)),
    outgoing: ({ to, packet }) => {
      const message = peerMessage(liar, liar.address, packet);
      seen.keep(message);
      if (message?.kind !== 'pre-prepare-update') return undefined;
      const ground = seen.grind(liar, message.prePrepare.statement);
      if (!ground) return undefined;
      liar.lied();
      return [{ to, packet: peerPacket(proposalOf(liar, message.prePrepare.statement, ground)) }];
    },
  };
};

/** A primary that aborts whatever it may propose, without waiting for anything. */
export const bareAborts: BehaviourMaker = (liar) => {
  const aborted = new Set<TransactionId>();
  let view = 0 as View;
  return {
    ...rewriting(liar, (message) =>
      message.kind === 'pre-prepare' && message.value.kind === 'outcome'
        ? withValue(liar, message, bareAbort(message.value))
        : undefined,
    ),
    incoming: (from, packet) => {
      const message = peerMessage(liar, from, packet);
      if (message?.kind === 'new-view') view = message.newView.statement.view;
      if (packet.kind !== 'complete') return true;
      const statement = liar.reader.statement(packet.statement)?.statement;
      if (statement?.kind !== 'completion' || aborted.has(statement.tid)) return true;
      if (primaryOf(liar.cast.cluster.resilience, view) !== selfOf(liar)) return true;
      aborted.add(statement.tid);
      liar.lied();
      broadcast(liar, earlyAbort(liar, statement.tid, view));
      return true;
    },
  };
};

/** A primary that leaves a record out, of a bank that it colludes with if there is one. */
export const withholdRecords: BehaviourMaker = (liar) => ({
  ...rewriting(liar, (message) => {
    if (message.kind !== 'pre-prepare' || message.value.kind !== 'outcome') return undefined;
    const { records } = message.value;
    const hidden = records.find(({ registration }) =>
      liar.conspiracy.proteges.has(registration.statement.participant),
    );
    const left = records.filter((record) => record !== (hidden ?? records[0]));
    if (left.length === records.length) return undefined;
    const value = { ...message.value, records: left };
    return withValue(liar, message, value.outcome === 'commit' ? value : bareAbort(value));
  }),
});

/** A primary whose certificate holds a record that its participant never signed. */
export const inventRecords: BehaviourMaker = (liar) =>
  rewriting(liar, (message) => {
    if (message.kind === 'pre-prepare' && message.value.kind === 'outcome') {
      const records = message.value.records.map((record) => forgedVote(liar, record));
      return withValue(liar, message, { ...message.value, records });
    }
    if (message.kind !== 'record' || message.record.statement.kind === 'completion') {
      return undefined;
    }
    return { kind: 'record', record: sign(liar, message.record.statement) as never };
  });

/** A primary whose certificate holds the record of another transaction. */
export const replayRecords: BehaviourMaker = (liar) => {
  const old: ParticipantRecord[] = [];
  return rewriting(liar, (message) => {
    if (message.kind !== 'pre-prepare' || message.value.kind !== 'outcome') return undefined;
    const { value } = message;
    const stranger = old.find((record) => record.registration.statement.tid !== value.tid);
    old.push(...value.records);
    if (!stranger || value.records.length === 0) return undefined;
    const records = [stranger, ...value.records.slice(1)].sort((a, b) =>
      a.registration.statement.enlistment < b.registration.statement.enlistment ? -1 : 1,
    );
    return withValue(liar, message, { ...value, records });
  });
};

/** The first proposal in the view, before anything is known of the transaction's participants. */
function earlyAbort(liar: Liar, tid: TransactionId, view: View): PeerMessage {
  const outcome = 'abort';
  const value: OutcomeValue = {
    kind: 'outcome',
    tid,
    outcome,
    reason: 'timeout',
    records: [],
    completion: [],
  };
  const statement: PhaseStatement = {
    kind: 'phase',
    phase: 'pre-prepare',
    slot: { kind: 'outcome', tid },
    ballot: { view, attempt: 0 as Attempt },
    digest: digestOfValue(value),
    result: { kind: 'outcome', outcome },
  };
  return proposalOf(liar, statement, value);
}

function forgedVote(liar: Liar, { registration, vote }: ParticipantRecord): ParticipantRecord {
  const { tid, participant, enlistment } = registration.statement;
  const consent = { kind: 'vote', tid, participant, enlistment, vote: 'prepared' } as const;
  return { registration, vote: vote ?? sign(liar, consent) };
}

/** The other proposal for those on the other side, and both for the liar's friends. */
function twoFaced(
  liar: Liar,
  isOther: (address: string) => boolean,
  sent: Sent,
  other: PrePrepare,
): readonly Sent[] | undefined {
  liar.lied();
  const { coordinators, audiences } = liar.conspiracy;
  const { to } = sent;
  const lie = { to, packet: peerPacket(other) };
  if (coordinators.has(to)) return [sent, lie];
  const message = peerMessage(liar, liar.address, sent.packet);
  const told = isOther(to) ? other : message;
  if (told?.kind === 'pre-prepare' || told?.kind === 'pre-prepare-update') {
    const { digest } = told.prePrepare.statement;
    audiences.set(digest, (audiences.get(digest) ?? new Set()).add(to));
  }
  return isOther(to) ? [lie] : undefined;
}

/** Another value that is just as well-founded, where one can be had. */
function otherOutcome(liar: Liar, value: OutcomeValue): OutcomeValue {
  const { abortVotes } = liar.conspiracy;
  const { tid, records } = value;
  const isDouble = ({ registration }: ParticipantRecord): boolean =>
    abortVotes.has(registration.statement.enlistment);
  if (value.outcome === 'abort' || !records.some(isDouble)) return bareAbort(value);
  const doubled = records.map((record) => {
    const vote = abortVotes.get(record.registration.statement.enlistment);
    return vote ? { ...record, vote } : record;
  });
  return {
    kind: 'outcome',
    tid,
    outcome: 'abort',
    reason: 'vote',
    records: doubled,
    completion: [],
  };
}

function proposalOf(
  liar: Liar,
  statement: PhaseStatement,
  value: ActivationValue | OutcomeValue,
): PrePrepare {
  const result =
    value.kind === 'activation'
      ? ({ kind: 'activation', tid: collectiveTransactionId(value) } as const)
      : ({ kind: 'outcome', outcome: value.outcome } as const);
  const changed: PhaseStatement = { ...statement, digest: digestOfValue(value), result };
  return { kind: 'pre-prepare', prePrepare: sign(liar, changed), value };
}

/** What a primary has seen of the gathering of UUIDs. */
class Gathered {
  readonly #requests = new Map<SlotKey, readonly Signed<ActivationStatement>[]>();
  readonly #proposals = new Map<string, Map<number, Signed<UuidProposal>>>();
  readonly #ground = new Map<string, ActivationValue>();

  /** Always true: a behaviour that only looks takes everything in. */
  keep(message: PeerMessage | undefined): true {
    if (message?.kind === 'activation-pre-prepare') {
      this.#requests.set(slotKey(message.proposal.statement.slot), message.requests);
    }
    if (message?.kind === 'activation-pre-prepare' || message?.kind === 'pre-prepare-reply') {
      const { slot, view, replica } = message.proposal.statement;
      const key = `${slotKey(slot)} ${view}`;
      const proposals = this.#proposals.get(key) ?? new Map<number, Signed<UuidProposal>>();
      this.#proposals.set(key, proposals.set(replica, message.proposal));
    }
    return true;
  }

  /** A value with another choice of proposals than the first ones. */
  valueOf(liar: Liar, { slot, ballot }: PhaseStatement): ActivationValue | undefined {
    const proposals = this.#of(slot, ballot.view);
    const requests = this.#requests.get(slotKey(slot));
    const count = quorum(liar.cast.cluster.resilience);
    if (!requests || proposals.length <= count) return undefined;
    return { kind: 'activation', requests, proposals: proposals.slice(-count) };
  }

  /** The same value for everybody, with an own proposal that was made after all others were known. */
  grind(liar: Liar, { slot, ballot }: PhaseStatement): ActivationValue | undefined {
    const key = `${slotKey(slot)} ${ballot.view}`;
    const known = this.#ground.get(key);
    if (known) return known;
    const requests = this.#requests.get(slotKey(slot));
    const self = selfOf(liar);
    const count = quorum(liar.cast.cluster.resilience);
    const others = this.#of(slot, ballot.view).filter((one) => one.statement.replica !== self);
    if (!requests || others.length < count - 1) return undefined;
    const tries = Array.from({ length: 16 }, () => {
      const { view } = ballot;
      const uuid = liar.random.hex(32);
      const own = sign(liar, { kind: 'proposal', slot, view, uuid, replica: self } as const);
      const proposals = [own, ...others.slice(0, count - 1)].sort(
        (a, b) => a.statement.replica - b.statement.replica,
      );
      return { kind: 'activation', requests, proposals } as const;
    });
    const best = tries.sort((a, b) =>
      collectiveTransactionId(a) < collectiveTransactionId(b) ? -1 : 1,
    )[0];
    if (best) this.#ground.set(key, best);
    return best;
  }

  #of(slot: PhaseStatement['slot'], view: number): Signed<UuidProposal>[] {
    const proposals = this.#proposals.get(`${slotKey(slot)} ${view}`) ?? new Map();
    return [...proposals.values()].sort((a, b) => a.statement.replica - b.statement.replica);
  }
}
