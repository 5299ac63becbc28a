import type { ReplicaId } from '../../../../src/kernel/ids.js';
import { digestOfCycleValue } from '../../../../src/ordering/check-message.js';
import type {
  Cycle,
  CycleValue,
  OrderingMessage,
  OrderingMessageOf,
} from '../../../../src/ordering/types.js';
import { forgedRequest, genuineRequest } from '../requests.js';
import { type Behaviour, halves, type Liar, othersOf } from './liar.js';

type Proposal = OrderingMessageOf<'proposal'>;

const OVERSIZED_BYTES = 64 * 1024;

/** The liar's own proposal, where this is one. */
export function ownProposal({ self }: Liar, message: OrderingMessage): Proposal | undefined {
  if (message.kind !== 'proposal' || message.proposal.statement.replica !== self) return undefined;
  return message;
}

export function proposalOf(liar: Liar, cycle: Cycle, value: CycleValue): Proposal {
  const digest = digestOfCycleValue(value);
  const { self: replica } = liar;
  const proposal = liar.sign({
    kind: 'proposal' as const,
    scope: 'antipaxos' as const,
    cycle,
    replica,
    digest,
  });
  const message: Proposal = { kind: 'proposal', scope: 'antipaxos', proposal, value };
  liar.memory.note(message);
  return message;
}

/** The value, and a genuine request of a client of its own, so that it is another value. */
function withOwnRequest(
  liar: Liar,
  { proposal, value }: Pick<Proposal, 'proposal' | 'value'>,
  face = 'x',
): CycleValue {
  const { cycle } = proposal.statement;
  const own = genuineRequest(`own${liar.self}`, cycle, `${face}${cycle}`);
  return { ...value, batch: [...value.batch, own] };
}

/** Changes the liar's own proposals, for some or for all. */
function changing(
  liar: Liar,
  change: (own: Proposal, to: ReplicaId) => readonly OrderingMessage[] | undefined,
): Behaviour {
  return {
    outgoing: (to, message) => {
      const own = ownProposal(liar, message);
      const instead = own && change(own, to);
      if (instead) liar.lied();
      return instead;
    },
  };
}

/** One value for some, another one for the others. */
export function equivocateValues(liar: Liar): Behaviour {
  const isOther = halves(liar);
  return changing(liar, (own, to) => {
    const { cycle } = own.proposal.statement;
    return isOther(to, cycle) ? [proposalOf(liar, cycle, withOwnRequest(liar, own))] : undefined;
  });
}

/** Another value for each. */
export function manyValues(liar: Liar): Behaviour {
  return changing(liar, (own, to) => [
    proposalOf(liar, own.proposal.statement.cycle, withOwnRequest(liar, own, `to${to}.`)),
  ]);
}

/** Some never get its values from it. */
export function withholdValues(liar: Liar): Behaviour {
  const isLeftOut = halves(liar);
  return changing(liar, ({ proposal }, to) =>
    isLeftOut(to, proposal.statement.cycle) ? [] : undefined,
  );
}

/** It proposes to one alone, not always the same. */
export function proposeToOne(liar: Liar): Behaviour {
  return changing(liar, ({ proposal }, to) => {
    const others = othersOf(liar);
    return others[proposal.statement.cycle % others.length] === to ? undefined : [];
  });
}

export function silentProposer(liar: Liar): Behaviour {
  return changing(liar, () => []);
}

/** Its values come when a timeout is, or has just been, over. */
export function lateProposer(liar: Liar): Behaviour {
  return {
    outgoing: (to, message) => {
      if (!ownProposal(liar, message)) return undefined;
      liar.lied();
      liar.after(liar.random.between(50, 900), () => liar.send(to, message));
      return [];
    },
  };
}

/** It shows nobody what it proposes, and has its friends report it. */
export function hiddenValues(liar: Liar): Behaviour {
  return changing(liar, (own) => {
    const { cycle } = own.proposal.statement;
    const hidden = withOwnRequest(liar, own, 'hidden');
    const { proposal } = proposalOf(liar, cycle, hidden);
    const entry = { digest: proposal.statement.digest, signature: proposal.signature };
    const of = liar.conspiracy.hidden.get(cycle) ?? new Map();
    liar.conspiracy.hidden.set(cycle, of.set(liar.self, { entry, value: hidden }));
    return [];
  });
}

/** Its values hold a request that no client made. */
export function forgeRequests(liar: Liar): Behaviour {
  return changing(liar, ({ proposal: { statement }, value }) => {
    const forged = forgedRequest('victim', statement.cycle);
    return [proposalOf(liar, statement.cycle, { ...value, batch: [...value.batch, forged] })];
  });
}

/** Its values are larger than any batch should be. */
export function oversizedValues(liar: Liar): Behaviour {
  return changing(liar, ({ proposal: { statement }, value }) => {
    const large = genuineRequest(`own${liar.self}`, statement.cycle, '.'.repeat(OVERSIZED_BYTES));
    return [proposalOf(liar, statement.cycle, { ...value, batch: [large, ...value.batch] })];
  });
}

/** Its values are made of what others have proposed, now or long ago. */
export function stealRequests(liar: Liar): Behaviour {
  return changing(liar, ({ proposal: { statement }, value }) => {
    const known = [...liar.memory.proposals.values()].flatMap((of) =>
      [...of.values()].flatMap((values) => [...values.values()]),
    );
    const stolen = liar.random
      .sample(known, 3)
      .flatMap((one) => one.value.batch)
      .concat(value.batch)
      .filter(({ client, number }, index, all) => {
        const isSame = (other: (typeof all)[number]) =>
          other.client === client && other.number === number;
        return all.findIndex(isSame) === index;
      });
    return [proposalOf(liar, statement.cycle, { ...value, batch: stolen })];
  });
}

/** Proposes without a reason, in every cycle that comes next. */
export function spin(liar: Liar): Behaviour {
  liar.every(300, () => {
    liar.lied();
    const cycle = (liar.memory.highestCycle + 1) as Cycle;
    liar.broadcast(proposalOf(liar, cycle, { batch: [], readmit: [], complaints: [] }));
  });
  return {};
}

/** Names processes as back that have not been away, or are not back, and complains of all the others. */
export function endorseAnybody(liar: Liar): Behaviour {
  return changing(liar, ({ proposal: { statement }, value }) => {
    const { cycle } = statement;
    const everybody = [...othersOf(liar), liar.self].sort((a, b) => a - b);
    const readmit = liar.random.some(everybody, 0.5);
    const complaints = [cycle - 2, cycle - 1, cycle].flatMap((of) =>
      of < 1
        ? []
        : othersOf(liar).map((replica) => {
            const what = liar.random.pick(['absent', 'slow'] as const);
            return { cycle: of as Cycle, replica, what };
          }),
    );
    return [proposalOf(liar, cycle, { ...value, readmit, complaints })];
  });
}
