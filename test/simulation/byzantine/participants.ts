import { encodeSigned, signStatement } from '../../../src/agreement/signing.js';
import type {
  AcknowledgementStatement,
  RegistrationStatement,
  Statement,
  VoteStatement,
} from '../../../src/agreement/statements.js';
import { enlistmentId, type TransactionId } from '../../../src/kernel/ids.js';
import { bankAt, serviceOf } from '../kit/cast.js';
import type { Packet } from '../parties/packets.js';
import type { BehaviourMaker, Liar } from './liar.js';
import { halves } from './replica-tools.js';

/** One vote for some replicas, the opposite for the others. */
export const conflictingVotes: BehaviourMaker = (liar) => {
  const isOther = halves(liar);
  return {
    outgoing: (to, packet) => {
      const vote = voteIn(liar, packet);
      if (!vote) return undefined;
      const abort = { ...vote, vote: 'aborted' } as const;
      liar.conspiracy.abortVotes.set(
        vote.enlistment,
        signStatement(liar.sign, liar.cast.cluster.id, abort),
      );
      if (!isOther(to)) return undefined;
      liar.lied();
      const opposite = vote.vote === 'aborted' ? ({ ...vote, vote: 'prepared' } as const) : abort;
      return [votePacket(liar, opposite)];
    },
  };
};

/** Registers and votes at some replicas only. Where it colludes, a primary leaves its record out. */
export const registerAtSome: BehaviourMaker = (liar) => {
  const isLeftOut = halves(liar);
  liar.conspiracy.proteges.add(liar.address);
  return {
    outgoing: (to, packet) => {
      if ((packet.kind !== 'register' && packet.kind !== 'vote') || !isLeftOut(to)) {
        return undefined;
      }
      liar.lied();
      return [];
    },
  };
};

/** Votes before anybody asks, and for enlistments that it never registered. */
export const voteUnasked: BehaviourMaker = (liar) => ({
  outgoing: (_to, packet) => {
    const registration = registrationIn(liar, packet);
    if (!registration) return undefined;
    liar.lied();
    const { tid, participant } = registration;
    const enlistment = liar.random.chance(0.5)
      ? registration.enlistment
      : enlistmentId(`${participant}.${liar.random.uuid()}`);
    const vote = liar.random.pick(['prepared', 'readOnly', 'aborted'] as const);
    const packetOfVote = votePacket(liar, { kind: 'vote', tid, participant, enlistment, vote });
    return [packet, packetOfVote];
  },
});

/** Prepares, and then says that it has done what it was not told to. */
export const breakPromises: BehaviourMaker = (liar) => ({
  outgoing: (_to, packet) => {
    const vote = voteIn(liar, packet);
    if (vote?.vote !== 'prepared') return undefined;
    liar.lied();
    const { tid, enlistment, participant } = vote;
    const outcome = liar.random.pick(['commit', 'abort'] as const);
    const done = { kind: 'acknowledgement', tid, enlistment, participant, outcome } as const;
    return [packet, signed(liar, done)];
  },
});

/** Registrations and votes of a transaction are sent again, and re-used for another one. */
export const replayStatements: BehaviourMaker = (liar) => {
  const old: Packet[] = [];
  const tids = new Set<TransactionId>();
  return {
    outgoing: (_to, packet) => {
      const statement = registrationIn(liar, packet) ?? voteIn(liar, packet);
      if (!statement) return undefined;
      tids.add(statement.tid);
      if (old.length < 50) old.push(packet);
      liar.lied();
      const earlier = liar.random.pick(old);
      const again = earlier.kind === 'register' ? { ...earlier, call: liar.nextCall() } : earlier;
      const tid = liar.random.pick([...tids]);
      return [again, packet, signed(liar, { ...statement, tid })];
    },
  };
};

/** Enlists over and over, sometimes with another bank's address or in another's name. */
export const floodEnlistments: BehaviourMaker = (liar) => ({
  outgoing: (_to, packet) => {
    const registration = registrationIn(liar, packet);
    if (!registration) return undefined;
    liar.lied();
    const banks = liar.cast.cluster.participants.map(({ name }) => name);
    const more = Array.from({ length: 4 }, () => {
      const owner = liar.random.chance(0.2) ? liar.random.pick(banks) : liar.address;
      const statement: RegistrationStatement = {
        ...registration,
        enlistment: enlistmentId(`${owner}.${liar.random.uuid()}`),
        address: serviceOf(liar.random.pick(banks)),
      };
      return signed(liar, statement);
    });
    return [packet, ...more];
  },
});

/** Tells the initiators that all is done, whatever it is. */
export const claimDone: BehaviourMaker = (liar) => ({
  incoming: (from, packet) => {
    if (packet.kind !== 'post' || liar.random.chance(0.3)) return true;
    liar.lied();
    liar.send(from, { kind: 'posted', call: packet.call });
    return liar.random.chance(0.5);
  },
});

/** Votes, does what it is told, and never says so. */
export const neverAcknowledge: BehaviourMaker = (liar) => ({
  outgoing: (_to, packet) => {
    if (packet.kind !== 'ended') return undefined;
    liar.lied();
    return [];
  },
});

/** Registers where nobody invited it, without invitations or with another's, and votes as it likes. */
export const gateCrash: BehaviourMaker = (liar) => {
  liar.every(900, () => {
    const last = [...liar.conspiracy.overheard].slice(-3);
    const [tid, others] = liar.random.sample(last, 1)[0] ?? [];
    const participant = bankAt(liar.address);
    if (tid === undefined || participant === undefined) return;
    liar.lied();
    const enlistment = enlistmentId(`${participant}.${liar.random.uuid()}`);
    const ref = { tid, participant, enlistment };
    const registration = signed(liar, {
      kind: 'registration',
      ...ref,
      protocol: 'durable',
      address: serviceOf(participant),
      invitations: liar.random.chance(0.5) ? (others ?? []) : [],
    });
    const vote = votePacket(liar, { kind: 'vote', ...ref, vote: 'aborted' });
    for (const { name } of liar.cast.cluster.coordinators) {
      liar.send(name, registration);
      liar.after(30, () => liar.send(name, vote));
    }
  });
  return {};
};

function signed(
  liar: Liar,
  statement: RegistrationStatement | VoteStatement | AcknowledgementStatement,
): Packet {
  const bytes = encodeSigned(signStatement(liar.sign, liar.cast.cluster.id, statement));
  switch (statement.kind) {
    case 'registration':
      return { kind: 'register', call: liar.nextCall(), statement: bytes };
    case 'vote':
      return { kind: 'vote', statement: bytes };
    case 'acknowledgement':
      return { kind: 'ended', statement: bytes };
  }
}

function votePacket(liar: Liar, statement: VoteStatement): Packet {
  return signed(liar, statement);
}

function statementIn(liar: Liar, packet: Packet): Statement | undefined {
  if (packet.kind !== 'vote' && packet.kind !== 'register') return undefined;
  return liar.reader.statement(packet.statement)?.statement;
}

function voteIn(liar: Liar, packet: Packet): VoteStatement | undefined {
  const statement = statementIn(liar, packet);
  return statement?.kind === 'vote' ? statement : undefined;
}

function registrationIn(liar: Liar, packet: Packet): RegistrationStatement | undefined {
  const statement = statementIn(liar, packet);
  return statement?.kind === 'registration' ? statement : undefined;
}
