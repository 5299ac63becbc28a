import type { ReplicaId } from '../../../../src/kernel/ids.js';
import type {
  OrderingMessage,
  OrderingMessageOf,
  ReportEntry,
  ReportStatement,
} from '../../../../src/ordering/types.js';
import { type Behaviour, halves, type Liar } from './liar.js';

type Report = OrderingMessageOf<'report'>;
type Entries = ReportStatement['entries'];

function ownReport({ self }: Liar, message: OrderingMessage): Report | undefined {
  if (message.kind !== 'report' || message.report.statement.replica !== self) return undefined;
  return message;
}

function changing(
  liar: Liar,
  change: (own: ReportStatement, to: ReplicaId) => readonly OrderingMessage[] | undefined,
): Behaviour {
  return {
    outgoing: (to, message) => {
      const own = ownReport(liar, message);
      const instead = own && change(own.report.statement, to);
      if (instead) liar.lied();
      return instead;
    },
  };
}

function reporting(liar: Liar, statement: ReportStatement, entries: Entries): Report {
  const report = liar.sign({ ...statement, entries });
  return { kind: 'report', scope: 'antipaxos', report };
}

/** Another value of the same proposer, where the liar knows one. */
function otherEntry(liar: Liar, cycle: number, replica: ReplicaId, not?: ReportEntry | null) {
  const values = [...(liar.memory.proposals.get(cycle)?.get(replica)?.values() ?? [])];
  const other = values.find(({ proposal }) => proposal.statement.digest !== not?.digest);
  if (!other) return undefined;
  return { digest: other.proposal.statement.digest, signature: other.proposal.signature };
}

/** To some it reports other values where it knows any, and misses some. */
export function equivocateReports(liar: Liar): Behaviour {
  const isOther = halves(liar);
  return changing(liar, (statement, to) => {
    if (!isOther(to, statement.cycle)) return undefined;
    const { n, f } = liar.resilience;
    let nulls = statement.entries.filter((entry) => entry === null).length;
    const entries = statement.entries.map((entry, index) => {
      const other = otherEntry(liar, statement.cycle, index as ReplicaId, entry);
      if (other) return other;
      if (!entry || nulls >= n - (n - f) || liar.random.chance(0.5)) return entry;
      nulls += 1;
      return null;
    });
    return [reporting(liar, statement, entries)];
  });
}

/** Names values that liars have signed and nobody honest has seen. */
export function phantomReports(liar: Liar): Behaviour {
  return changing(liar, (statement) => {
    const hidden = liar.conspiracy.hidden.get(statement.cycle);
    if (!hidden) return undefined;
    const entries = statement.entries.map(
      (entry, index) => hidden.get(index as ReplicaId)?.entry ?? entry,
    );
    return [reporting(liar, statement, entries)];
  });
}

/** Its report of one cycle is signed with the entries of another. */
export function reportsOfOtherCycles(liar: Liar): Behaviour {
  const last: Entries[] = [];
  return changing(liar, (statement) => {
    last.push(statement.entries);
    const entries = last.length > 3 ? last.shift() : undefined;
    return entries && [reporting(liar, statement, entries)];
  });
}

/** Misses one of the others for ever, or all that it may. */
export function missValues(liar: Liar): Behaviour {
  const { n, f } = liar.resilience;
  const victims = new Set(
    liar.random.sample(
      Array.from({ length: n }, (_, index) => index).filter((one) => one !== liar.self),
      1 + liar.random.int(f),
    ),
  );
  return changing(liar, (statement) => {
    const entries = statement.entries.map((entry, index) => (victims.has(index) ? null : entry));
    return [reporting(liar, statement, entries)];
  });
}

/** Fewer values than a report may have. */
export function emptyReports(liar: Liar): Behaviour {
  return changing(liar, (statement) => [
    reporting(
      liar,
      statement,
      statement.entries.map((entry, index) => (index === liar.self ? entry : null)),
    ),
  ]);
}

/** It proposes, and never reports. */
export function silentReporter(liar: Liar): Behaviour {
  return changing(liar, () => []);
}

export function reportToSome(liar: Liar): Behaviour {
  const isLeftOut = halves(liar);
  return changing(liar, ({ cycle }, to) => (isLeftOut(to, cycle) ? [] : undefined));
}

export function lateReporter(liar: Liar): Behaviour {
  return {
    outgoing: (to, message) => {
      if (!ownReport(liar, message)) return undefined;
      liar.lied();
      liar.after(liar.random.between(50, 900), () => liar.send(to, message));
      return [];
    },
  };
}

/** Reports before it has anything to report, in cycles that are far from over. */
export function hastyReports(liar: Liar): Behaviour {
  return {
    incoming: (_from, message) => {
      if (message.kind !== 'proposal') return true;
      const { cycle } = message.proposal.statement;
      const of = liar.memory.proposals.get(cycle);
      const entries = Array.from({ length: liar.resilience.n }, (_, index) => {
        const proposal = of
          ?.get(index as ReplicaId)
          ?.values()
          .next().value?.proposal;
        return proposal
          ? { digest: proposal.statement.digest, signature: proposal.signature }
          : null;
      });
      liar.lied();
      const { self: replica } = liar;
      const statement = { kind: 'report', scope: 'antipaxos', cycle, replica, entries } as const;
      liar.broadcast({ kind: 'report', scope: 'antipaxos', report: liar.sign(statement) });
      return true;
    },
  };
}
