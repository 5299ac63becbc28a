import type { ReplicaId, View } from '../../../../src/kernel/ids.js';
import { digestOfBatch } from '../../../../src/ordering/check-message.js';
import {
  type Batch,
  type OrderingMessage,
  type OrderingMessageOf,
  type OrderingScope,
  type SequencePhase,
  sequenceNumber,
} from '../../../../src/ordering/types.js';
import { commandFor, otherBatch } from './commands.js';
import { type Behaviour, halves, type Liar, othersOf } from './liar.js';

type PrePrepare = OrderingMessageOf<'pre-prepare'>;

/** How far a view change of a hasty replica jumps. */
const LEAP = 3;

function sequenceScopes({ memory }: Liar): readonly OrderingScope[] {
  return memory.hasInstances ? ['ezbft-decisions'] : ['decision-module', 'pbft'];
}

/** The pre-prepare with another batch, signed anew. */
function withBatch(liar: Liar, { prePrepare, scope }: PrePrepare, batch: Batch): PrePrepare {
  const statement = { ...prePrepare.statement, digest: digestOfBatch(batch) };
  return { kind: 'pre-prepare', scope, prePrepare: liar.sign(statement), batch };
}

function changing(
  liar: Liar,
  change: (own: PrePrepare, to: ReplicaId) => readonly OrderingMessage[] | undefined,
): Behaviour {
  return {
    outgoing: (to, message) => {
      if (message.kind !== 'pre-prepare') return undefined;
      const instead = change(message, to);
      if (instead) liar.lied();
      return instead;
    },
  };
}

/** As a primary it proposes one batch to some and another one to the others. */
export function equivocateBatches(liar: Liar): Behaviour {
  const isOther = halves(liar);
  const others = new Map<string, Batch>();
  return changing(liar, (own, to) => {
    const { view, sequence } = own.prePrepare.statement;
    if (!isOther(to, sequence)) return undefined;
    const name = `${own.scope} ${view} ${sequence}`;
    const batch = others.get(name) ?? otherBatch(liar, own);
    if (!batch) return undefined;
    others.set(name, batch);
    return [withBatch(liar, own, batch)];
  });
}

/** As a primary it does nothing for anybody, or not for long at a time. */
export function idlePrimary(liar: Liar): Behaviour {
  let isIdle = true;
  liar.every(6000, () => {
    isIdle = liar.random.chance(0.7);
  });
  return changing(liar, () => (isIdle ? [] : undefined));
}

/** As a primary it does all a little before it would be suspected. */
export function slowPrimary(liar: Liar): Behaviour {
  return {
    outgoing: (to, message) => {
      if (message.kind !== 'pre-prepare') return undefined;
      liar.lied();
      liar.after(liar.random.between(700, 1400), () => liar.send(to, message));
      return [];
    },
  };
}

/** As a primary it hears nothing of some replicas' requests. */
export function deafPrimary(liar: Liar): Behaviour {
  const isDeafTo = halves(liar);
  return {
    incoming: (from, message) => {
      if (message.kind !== 'requests' || !isDeafTo(from, 0)) return true;
      liar.lied();
      return false;
    },
  };
}

/** Proposes, or has the primary propose, commands that name values nobody honest holds. */
export function commandsWithoutValues(liar: Liar): Behaviour {
  liar.every(400, () => {
    const cycle = Math.max(1, liar.memory.highestCycle - liar.random.int(3));
    const command = commandFor(liar, cycle, true);
    if (!command) return;
    liar.lied();
    liar.broadcast({ kind: 'requests', scope: 'decision-module', batch: [command] });
  });
  return changing(liar, (own) => {
    const batch = own.scope === 'decision-module' ? otherBatch(liar, own) : undefined;
    return batch && [withBatch(liar, own, batch)];
  });
}

/** Proposes for a view that it is not the primary of yet, or not any more, and far up the log. */
export function staleViews(liar: Liar): Behaviour {
  liar.every(700, () => {
    const { memory, resilience } = liar;
    const old = [...memory.prePrepares.values()];
    if (old.length === 0) return;
    const some = liar.random.pick(old);
    const { view, sequence } = some.prePrepare.statement;
    const round = liar.random.int(3) - 1;
    const own = Math.max(0, Math.floor(view / resilience.n) + round) * resilience.n + liar.self;
    const statement: SequencePhase = {
      ...some.prePrepare.statement,
      view: own as View,
      sequence: sequenceNumber(sequence + liar.random.int(40)),
    };
    liar.lied();
    liar.broadcast({ ...some, prePrepare: liar.sign(statement) });
  });
  return {};
}

/** Prepares and commits whatever anybody proposes, and what nobody did. */
export function voteForEverything(liar: Liar): Behaviour {
  const vote = (scope: OrderingScope, { digest, sequence, view }: SequencePhase): void => {
    for (const phase of ['prepare', 'commit'] as const) {
      const signed = liar.sign<SequencePhase>({
        kind: 'phase',
        scope,
        phase,
        view,
        sequence,
        digest,
      });
      liar.broadcast({ kind: 'phase', scope, signed });
    }
  };
  return {
    incoming: (_from, message) => {
      if (message.kind === 'pre-prepare') {
        liar.lied();
        vote(message.scope, message.prePrepare.statement);
      } else if (message.kind === 'phase' && liar.random.chance(0.3)) {
        liar.lied();
        vote(message.scope, message.signed.statement);
      }
      return true;
    },
  };
}

/** Its votes differ from one replica to the next. */
export function equivocateVotes(liar: Liar): Behaviour {
  const isOther = halves(liar);
  return {
    outgoing: (to, message) => {
      if (message.kind !== 'phase') return undefined;
      const { statement } = message.signed;
      if (!isOther(to, statement.sequence)) return undefined;
      liar.lied();
      const other = liar.memory.prePrepareAt(message.scope, statement.sequence);
      const digest = other?.prePrepare.statement.digest ?? digestOfBatch([]);
      return [{ ...message, signed: liar.sign({ ...statement, digest }) }];
    },
  };
}

/** Its votes are of the view before, or of one to come; now and then it votes in its own view, too. */
export function staleVotes(liar: Liar): Behaviour {
  return {
    outgoing: (_to, message) => {
      if (message.kind !== 'phase') return undefined;
      const { statement } = message.signed;
      const views = [statement.view - 1, statement.view + 1, liar.memory.view].filter(
        (view) => view >= 0 && view !== statement.view,
      );
      liar.lied();
      const stale = views.map((view) => {
        return { ...message, signed: liar.sign({ ...statement, view: view as View }) };
      });
      return liar.random.chance(0.5) ? [message, ...stale] : stale;
    },
  };
}

/** It has prepared nothing, it says when the view changes. */
export function forgetPrepared(liar: Liar): Behaviour {
  return {
    outgoing: (_to, message) => {
      if (message.kind !== 'view-change') return undefined;
      const { statement } = message.viewChange;
      if (statement.prepared.length === 0 || statement.replica !== liar.self) return undefined;
      liar.lied();
      return [{ ...message, viewChange: liar.sign({ ...statement, prepared: [], committed: [] }) }];
    },
  };
}

/** Asks for views for no reason, now and then far ahead. */
export function hastyViewChanges(liar: Liar): Behaviour {
  liar.every(900, () => {
    for (const scope of sequenceScopes(liar)) {
      liar.lied();
      const viewChange = liar.sign({
        kind: 'view-change' as const,
        scope,
        view: (liar.memory.view + 1 + liar.random.int(LEAP)) as View,
        replica: liar.self,
        stable: null,
        prepared: [],
        committed: [],
      });
      liar.broadcast({ kind: 'view-change', scope, viewChange });
    }
  });
  return {};
}

/** As the primary of a new view it says something else to each half. */
export function equivocateNewViews(liar: Liar): Behaviour {
  const isOther = halves(liar);
  return {
    outgoing: (to, message) => {
      if (message.kind !== 'new-view') return undefined;
      const { statement } = message.newView;
      if (!isOther(to, statement.view)) return undefined;
      liar.lied();
      const { view, scope } = statement;
      const changes = new Map(
        liar.memory.viewChanges
          .filter(
            ({ viewChange: one }) => one.statement.view === view && one.statement.scope === scope,
          )
          .map(({ viewChange }) => [viewChange.statement.replica, viewChange]),
      );
      for (const friend of liar.conspiracy.signers.keys()) {
        const empty = { kind: 'view-change', scope, view, replica: friend } as const;
        changes.set(
          friend,
          liar.signAs(friend, { ...empty, stable: null, prepared: [], committed: [] }),
        );
      }
      const viewChanges = [...changes.values()]
        .sort((a, b) => a.statement.replica - b.statement.replica)
        .slice(0, statement.viewChanges.length);
      return [{ ...message, newView: liar.sign({ ...statement, viewChanges }) }];
    },
  };
}

/** As a primary it sends its batches to a bare quorum, never to the same replica. */
export function leaveOneOut(liar: Liar): Behaviour {
  const others = othersOf(liar);
  const victim = liar.random.pick(others);
  return changing(liar, (_own, to) => (to === victim ? [] : undefined));
}
