import {
  compareBallots,
  type PeerMessage,
  type PhaseStatement,
  type PreparedCertificate,
  type SignedViewChange,
} from '../../../src/agreement/messages.js';
import { primaryOf, quorum, type ReplicaId, type View } from '../../../src/kernel/ids.js';
import type { Signed } from '../../../src/kernel/signed.js';
import { replicaAt } from '../kit/cast.js';
import type { BehaviourMaker, Liar } from './liar.js';
import {
  broadcast,
  halves,
  type PrePrepare,
  peerMessage,
  rewriting,
  selfOf,
  sign,
} from './replica-tools.js';

/** Some learn of its locks in a view change, and the others do not; without any, of another view. */
export const equivocateViewChanges: BehaviourMaker = (liar) => {
  const isOther = halves(liar);
  return rewriting(liar, (message, to) => {
    if (message.kind !== 'view-change' || !isOther(to)) return undefined;
    const { prepared, view: asked } = message.viewChange.statement;
    const view = (prepared.length > 0 ? asked : asked + 1) as View;
    return { kind: 'view-change', viewChange: viewChangeOf(liar, view, []) };
  });
};

/** Opens its view with these view changes for some, and with those for the others. */
export const equivocateNewViews: BehaviourMaker = (liar) => {
  const isOther = halves(liar);
  const { resilience } = liar.cast.cluster;
  const received = new Map<ReplicaId, SignedViewChange>();
  const locks = new LockMaker(liar);
  const others = new Map<View, PeerMessage>();

  /** Another choice of view changes; its own with a lock that it had kept to itself, or without any. */
  const otherOpening = (message: Extract<PeerMessage, { kind: 'new-view' }>): PeerMessage => {
    const { view, viewChanges } = message.newView.statement;
    const known = others.get(view);
    if (known) return known;
    const self = selfOf(liar);
    const shown = viewChanges.find(({ replica }) => replica === self)?.statement.prepared ?? [];
    const lock = locks.last(view);
    const own = viewChangeOf(liar, view, shown.length === 0 && lock ? [lock] : []);
    const peers = [...received.values()].filter(({ statement }) => statement.view === view);
    const chosen = [own, ...peers.reverse()]
      .slice(0, quorum(resilience))
      .sort((a, b) => a.replica - b.replica);
    const newView = sign(liar, { kind: 'new-view', view, viewChanges: chosen } as const);
    const other: PeerMessage = { kind: 'new-view', newView };
    others.set(view, other);
    return other;
  };

  return {
    incoming: (from, packet) => {
      const message = peerMessage(liar, from, packet);
      const replica = replicaAt(from);
      if (!message || replica === undefined) return true;
      locks.keep(replica, message);
      if (message.kind === 'view-change') received.set(replica, message.viewChange);
      return true;
    },
    ...rewriting(liar, (message, to) => {
      locks.keep(selfOf(liar), message);
      if (message.kind !== 'new-view' || !isOther(to)) return undefined;
      const { view } = message.newView.statement;
      return primaryOf(resilience, view) === selfOf(liar) ? otherOpening(message) : undefined;
    }),
  };
};

/** Votes and view changes for views that nobody is in yet. */
export const jumpAhead: BehaviourMaker = (liar) => {
  liar.every(1500, () => {
    const view = liar.random.pick([1, 2, 3, 4, 7, 1000, 2 ** 40]) as View;
    liar.lied();
    broadcast(liar, { kind: 'view-change', viewChange: viewChangeOf(liar, view, []) });
  });
  return rewriting(liar, (message) => {
    if (message.kind !== 'phase' || !liar.random.chance(0.3)) return undefined;
    const { statement } = message.signed;
    const view = (statement.ballot.view + 1 + liar.random.int(4)) as View;
    return {
      kind: 'phase',
      signed: sign(liar, { ...statement, ballot: { ...statement.ballot, view } }),
    };
  });
};

function viewChangeOf(
  liar: Liar,
  view: View,
  prepared: readonly PreparedCertificate[],
): SignedViewChange {
  const signed = sign(liar, { kind: 'view-change', view, prepared } as const);
  return { ...signed, replica: selfOf(liar) };
}

/** Makes prepared certificates of what passes by, of outcomes that are long decided too. */
class LockMaker {
  readonly #liar: Liar;
  /** The last proposal seen, and the prepares for it. */
  #proposal: PrePrepare | undefined;
  readonly #prepares = new Map<ReplicaId, Signed<PhaseStatement>>();
  #last: PreparedCertificate | undefined;

  constructor(liar: Liar) {
    this.#liar = liar;
  }

  /** The last one, where a view change to this view may show it. */
  last(view: View): PreparedCertificate | undefined {
    const made = this.#last?.prePrepare.statement.ballot.view;
    return made !== undefined && made < view ? this.#last : undefined;
  }

  keep(from: ReplicaId, message: PeerMessage): void {
    if (message.kind === 'pre-prepare') {
      this.#proposal = message;
      this.#prepares.clear();
    } else if (message.kind === 'phase' && message.signed.statement.phase === 'prepare') {
      this.#onPrepare(from, message.signed);
    }
  }

  #onPrepare(from: ReplicaId, signed: Signed<PhaseStatement>): void {
    const { resilience } = this.#liar.cast.cluster;
    if (!this.#proposal) return;
    const { prePrepare, value } = this.#proposal;
    const { ballot, digest } = prePrepare.statement;
    const { statement, bytes } = signed;
    if (statement.digest !== digest || compareBallots(statement.ballot, ballot) !== 0) return;
    if (from === primaryOf(resilience, ballot.view)) return;
    this.#prepares.set(from, signed);
    if (this.#prepares.size < quorum(resilience) - 1) return;
    const signatures = [...this.#prepares]
      .map(([replica, { signature }]) => ({ replica, signature }))
      .sort((a, b) => a.replica - b.replica);
    this.#last = { prePrepare, prepares: { statement, bytes, signatures }, value };
  }
}
