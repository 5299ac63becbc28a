import type { ReplicaId, View } from '../../../../src/kernel/ids.js';
import type { Signed } from '../../../../src/kernel/signed.js';
import { digestOfBatch } from '../../../../src/ordering/check-message.js';
import { digestOfTable } from '../../../../src/ordering/two-step-codec.js';
import {
  type Batch,
  type OrderingMessage,
  type OrderingScope,
  type SequencePhase,
  type SequencePrepared,
  sequenceNumber,
  type TwoStepViewChange,
  type ViewStart,
} from '../../../../src/ordering/types.js';
import { anyBatch } from './commands.js';
import { type Behaviour, halves, type Liar, othersOf } from './liar.js';

/** The engine, or the Decision Module, where that has said something already. */
const scopeOf = ({ memory }: Liar): OrderingScope => memory.twoStepScope ?? 'decision-module';

/** Changes what it shows when it leaves a view. */
function showing(
  liar: Liar,
  change: (statement: TwoStepViewChange) => TwoStepViewChange | undefined,
): Behaviour {
  return {
    outgoing: (_to, message) => {
      if (message.kind !== 'two-step-view-change') return undefined;
      const { statement } = message.viewChange;
      const lie = statement.replica === liar.self ? change(statement) : undefined;
      if (!lie) return undefined;
      liar.lied();
      return [{ ...message, viewChange: liar.sign(lie) }];
    },
  };
}

/** A pre-prepare of a view whose primary lies, with any batch; `undefined` where that primary is honest. */
function proposalOf(
  liar: Liar,
  view: number,
  place: number,
  batch: Batch,
): Signed<SequencePhase> | undefined {
  const primary = (view % liar.resilience.n) as ReplicaId;
  if (!liar.conspiracy.signers.has(primary)) return undefined;
  return liar.signAs<SequencePhase>(primary, {
    kind: 'phase',
    scope: scopeOf(liar),
    phase: 'pre-prepare',
    view: view as View,
    sequence: sequenceNumber(place),
    digest: digestOfBatch(batch),
  });
}

/**
 * It acknowledges another value than it did, of a primary that lies: one that it signed for others, or that nobody has
 * seen. Where the start of that view is known it shows that.
 */
export function acknowledgeAnother(liar: Liar): Behaviour {
  return showing(liar, (statement) => {
    const low = statement.stable?.statement.position ?? 0;
    const acked = new Map<number, Signed<SequencePhase>>();
    const starts = new Map<number, ViewStart>();
    for (let place = low + 1; place <= low + 6; place += 1) {
      const known = liar.random.pick(
        liar.memory.starts.length > 0 ? liar.memory.starts : [undefined],
      );
      const view = known && liar.random.chance(0.6) ? known.confirmations.statement.view : 0;
      const seen = liar.memory.prePrepareAt(scopeOf(liar), place)?.batch;
      const batch = seen && liar.random.chance(0.5) ? seen : anyBatch(liar, scopeOf(liar));
      const isEarlier = view < statement.view;
      const signed = batch && isEarlier ? proposalOf(liar, view, place, batch) : undefined;
      if (!signed) continue;
      if (known && view > 0) starts.set(view, known);
      acked.set(place, signed);
    }
    if (acked.size === 0) return undefined;
    const isShown = liar.random.chance(0.5);
    return {
      ...statement,
      acked: [...acked.values()],
      starts: [...starts].sort(([a], [b]) => a - b).map(([, start]) => start),
      prepared: isShown ? statement.prepared : [],
      committed: isShown ? statement.committed : [],
    };
  });
}

/** It shows what it acknowledged in an earlier view, as if it had not in the last one; or nothing. */
export function staleAcknowledgements(liar: Liar): Behaviour {
  return showing(liar, (statement) => {
    const old = liar.random.pick(
      liar.memory.twoStepViewChanges.length > 0 ? liar.memory.twoStepViewChanges : [undefined],
    )?.viewChange.statement;
    if (!old || liar.random.chance(0.3)) {
      return { ...statement, acked: [], starts: [], prepared: [], committed: [] };
    }
    const { stable, acked, starts, prepared, committed } = old;
    return old.view < statement.view
      ? { ...statement, stable, acked, starts, prepared, committed }
      : undefined;
  });
}

/**
 * It acknowledges, in a later view of a primary that lies, what that view never allowed: without its start, with one
 * that liars alone confirm, or with that of another view.
 */
export function acknowledgeUnproved(liar: Liar): Behaviour {
  return showing(liar, (statement) => {
    const low = statement.stable?.statement.position ?? 0;
    const views = Array.from({ length: statement.view }, (_, view) => view).filter(
      (view) => view > 0 && liar.conspiracy.signers.has((view % liar.resilience.n) as ReplicaId),
    );
    const view = views.at(-1);
    const scope = scopeOf(liar);
    const batch = anyBatch(liar, scope);
    if (!view || !batch) return undefined;
    const signed = proposalOf(liar, view, low + 1 + liar.random.int(3), batch);
    if (!signed) return undefined;
    const table = { low: 0, digests: [] };
    const confirmation = liar.sign({
      kind: 'confirmation',
      scope,
      view: view as View,
      digest: digestOfTable(table),
    } as const);
    const signatures = [...liar.conspiracy.signers.keys()]
      .sort((a, b) => a - b)
      .map((replica) => ({
        replica,
        signature: liar.signAs(replica, confirmation.statement).signature,
      }));
    const { statement: confirmed, bytes } = confirmation;
    const own: ViewStart = { table, confirmations: { statement: confirmed, bytes, signatures } };
    const starts = liar.random.pick([[], [own], liar.memory.starts.slice(-1)]);
    return { ...statement, acked: [signed], starts };
  });
}

/** It shows certificates of votes for different values, or of different views, and of too few. */
export function mixedCertificates(liar: Liar): Behaviour {
  const made = (): SequencePrepared | undefined => {
    const { memory, resilience } = liar;
    const place = 1 + liar.random.int(memory.highestPlace + 1);
    const scope = scopeOf(liar);
    const prePrepare = memory.prePrepareAt(scope, place)?.prePrepare;
    const vote = memory.votes.get(`${scope} prepare ${place}`);
    if (!prePrepare || !vote) return undefined;
    const primary = prePrepare.statement.view % resilience.n;
    const statement: SequencePhase = { ...prePrepare.statement, phase: 'prepare' };
    const { bytes } = liar.sign(statement);
    const signatures = othersOf({ resilience, self: primary as ReplicaId }).map((replica) => {
      const friend = liar.conspiracy.signers.has(replica);
      const signature = friend ? liar.signAs(replica, statement).signature : vote.signature;
      return { replica, signature };
    });
    const friends = signatures.filter(({ replica }) => liar.conspiracy.signers.has(replica));
    return {
      prePrepare,
      prepares: { statement, bytes, signatures: liar.random.pick([signatures, friends]) },
    };
  };
  liar.every(400, () => {
    const acks = made();
    const batch =
      acks && liar.memory.prePrepareAt(scopeOf(liar), acks.prePrepare.statement.sequence)?.batch;
    if (!acks || !batch) return;
    liar.lied();
    liar.broadcast({ kind: 'fast-committed', scope: scopeOf(liar), acks, batch });
  });
  return showing(liar, (statement) => {
    const prepared = made();
    return prepared && { ...statement, acked: [], prepared: [prepared] };
  });
}

/** As the primary of a new view it starts it differently for each half, with what view changes it has. */
export function equivocateStarts(liar: Liar): Behaviour {
  const isOther = halves(liar);
  return {
    outgoing: (to, message) => {
      if (message.kind !== 'two-step-new-view') return undefined;
      const { statement } = message.newView;
      if (!isOther(to, statement.view)) return undefined;
      const { view, scope } = statement;
      const changes = new Map(
        liar.memory.twoStepViewChanges
          .map(({ viewChange }) => viewChange)
          .filter((one) => one.statement.view === view && one.statement.scope === scope)
          .map((one) => [one.statement.replica, one]),
      );
      for (const friend of liar.conspiracy.signers.keys()) {
        const nothing = { acked: [], starts: [], prepared: [], committed: [] };
        const kind = 'two-step-view-change';
        const replica = friend;
        changes.set(
          friend,
          liar.signAs(friend, { kind, scope, view, replica, stable: null, ...nothing }),
        );
      }
      const least = liar.resilience.n - liar.resilience.f;
      const chosen = liar.random.sample([...changes.values()], least);
      const viewChanges = chosen.sort((a, b) => a.statement.replica - b.statement.replica);
      liar.lied();
      return [{ ...message, newView: liar.sign({ ...statement, viewChanges }) }];
    },
  };
}

/** Confirms other starts than there are, of any view, and tells some replicas nothing of it. */
export function falseConfirmations(liar: Liar): Behaviour {
  const isLeftOut = halves(liar);
  const confirm = (view: number): OrderingMessage => {
    const scope = scopeOf(liar);
    const digests = Array.from({ length: liar.random.int(4) }, () =>
      digestOfBatch(anyBatch(liar, scope) ?? []),
    );
    const { statement, bytes, signature } = liar.sign({
      kind: 'confirmation',
      scope,
      view: view as View,
      digest: digestOfTable({ low: liar.random.pick([0, 64]), digests }),
    } as const);
    const signatures = [{ replica: liar.self, signature }];
    return { kind: 'confirmation', scope, confirmations: { statement, bytes, signatures } };
  };
  liar.every(600, () => {
    liar.lied();
    liar.broadcast(confirm(liar.memory.view + liar.random.int(3)));
  });
  return {
    outgoing: (to, message) => {
      if (message.kind !== 'confirmation') return undefined;
      liar.lied();
      return isLeftOut(to) ? [] : [confirm(message.confirmations.statement.view)];
    },
  };
}

/** Sends its votes to one replica at a time, so that this one alone decides in two steps. */
export function voteToOne(liar: Liar): Behaviour {
  const others = othersOf(liar);
  const chosen = new Map<number, ReplicaId>();
  return {
    outgoing: (to, message) => {
      if (message.kind !== 'phase') return undefined;
      const { sequence } = message.signed.statement;
      const one = chosen.get(sequence) ?? liar.random.pick(others);
      chosen.set(sequence, one);
      if (to === one) return undefined;
      liar.lied();
      return [];
    },
  };
}

/** Asks for views for no reason, and has acknowledged nothing. */
export function hastyTwoStepViews(liar: Liar): Behaviour {
  liar.every(900, () => {
    liar.lied();
    const scope = scopeOf(liar);
    const viewChange = liar.sign({
      kind: 'two-step-view-change',
      scope,
      view: (liar.memory.view + 1 + liar.random.int(3)) as View,
      replica: liar.self,
      ...{ stable: null, acked: [], starts: [], prepared: [], committed: [] },
    } as const);
    liar.broadcast({ kind: 'two-step-view-change', scope, viewChange });
  });
  return {};
}
