import type {
  OutcomeValue,
  ParticipantRecord,
  PeerMessage,
  PhaseStatement,
} from '../../../src/agreement/messages.js';
import { digestOfValue } from '../../../src/agreement/values.js';
import { type Attempt, primaryOf, type TransactionId, type View } from '../../../src/kernel/ids.js';
import type { BehaviourMaker, Liar } from './liar.js';
import {
  bareAbort,
  broadcast,
  halves,
  type PrePrepare,
  peerMessage,
  proposalOf,
  rewriting,
  selfOf,
  sign,
  twoFaced,
  withValue,
} from './replica-tools.js';

/** A primary that proposes one outcome to some, and another one to the others. */
export const equivocateOutcomes: BehaviourMaker = (liar) => {
  const isOther = halves(liar);
  return {
    outgoing: (to, packet) => {
      const message = peerMessage(liar, liar.address, packet);
      if (message?.kind !== 'pre-prepare' || message.value.kind !== 'outcome') return undefined;
      const other = withValue(liar, message, otherOutcome(liar, message.value));
      return isSame(message, other) ? undefined : twoFaced(liar, isOther, to, packet, other);
    },
  };
};

/** A primary that aborts whatever it may propose, without waiting for anything. */
export const bareAborts: BehaviourMaker = (liar) => {
  const aborted = new Set<TransactionId>();
  let view = 0 as View;
  return {
    ...rewriting(liar, (message) =>
      message.kind === 'pre-prepare' &&
      message.value.kind === 'outcome' &&
      message.value.reason !== 'timeout'
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
      if (message.value.records.length === 0) return undefined;
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
    const here = new Set(value.records.map((record) => record.registration.statement.enlistment));
    const stranger = old.find(
      ({ registration: { statement } }) =>
        statement.tid !== value.tid && !here.has(statement.enlistment),
    );
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

/** The participant's consent, with the wrong signature. */
function forgedVote(liar: Liar, { registration }: ParticipantRecord): ParticipantRecord {
  const { tid, participant, enlistment } = registration.statement;
  const consent = { kind: 'vote', tid, participant, enlistment, vote: 'prepared' } as const;
  return { registration, vote: sign(liar, consent) };
}

function isSame(a: PrePrepare, b: PrePrepare): boolean {
  return a.prePrepare.statement.digest === b.prePrepare.statement.digest;
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
