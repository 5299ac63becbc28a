import {
  type PeerMessage,
  type PhaseStatement,
  type SlotKey,
  slotKey,
} from '../../../src/agreement/messages.js';
import { sha256 } from '../../../src/kernel/digest.js';
import { type Attempt, type Digest, primaryOf, type View } from '../../../src/kernel/ids.js';
import type { BehaviourMaker, Liar } from './liar.js';
import {
  broadcast,
  halves,
  otherReplicas,
  peerMessage,
  peerPacket,
  rewriting,
  selfOf,
  sign,
} from './replica-tools.js';

/** Votes for one value to some and for another one to the others. */
export const equivocateVotes: BehaviourMaker = (liar) => {
  const isOther = halves(liar);
  const seen = new Map<SlotKey, Map<Digest, PhaseStatement>>();
  const keep = (message: PeerMessage | undefined): true => {
    const statement = proposalIn(message);
    if (!statement) return true;
    const key = slotKey(statement.slot);
    const known = seen.get(key) ?? new Map<Digest, PhaseStatement>();
    seen.set(key, known.set(statement.digest, statement));
    return true;
  };
  return {
    incoming: (from, packet) => keep(peerMessage(liar, from, packet)),
    ...rewriting(liar, (message, to) => {
      keep(message);
      if (message.kind !== 'phase' || !isOther(to)) return undefined;
      const { statement } = message.signed;
      const others = [...(seen.get(slotKey(statement.slot))?.values() ?? [])];
      const other = others.find(({ digest }) => digest !== statement.digest);
      const digest = other?.digest ?? sha256(Buffer.from(liar.random.hex(8)));
      const result = other?.result ?? statement.result;
      return { kind: 'phase', signed: sign(liar, { ...statement, digest, result }) };
    }),
  };
};

/** Votes, at once and in both phases, for whatever anybody proposes, itself included. */
export const voteForEverything: BehaviourMaker = (liar) => {
  const self = selfOf(liar);
  const voted = new Set<Digest>();
  const vote = (statement: PhaseStatement | undefined): void => {
    if (!statement || voted.has(statement.digest)) return;
    voted.add(statement.digest);
    liar.lied();
    const isOwn = primaryOf(liar.cast.cluster.resilience, statement.ballot.view) === self;
    const phases = isOwn ? (['commit'] as const) : (['prepare', 'commit'] as const);
    // By then it is known who was told what.
    liar.after(1, () => {
      const audience = liar.conspiracy.audiences.get(statement.digest);
      for (const phase of phases) {
        const packet = peerPacket({ kind: 'phase', signed: sign(liar, { ...statement, phase }) });
        for (const to of otherReplicas(liar)) {
          if (audience?.has(to) ?? true) liar.send(to, packet);
        }
      }
    });
  };
  return {
    incoming: (from, packet) => {
      vote(proposalIn(peerMessage(liar, from, packet)));
      return true;
    },
    outgoing: (_to, packet) => {
      const message = peerMessage(liar, liar.address, packet);
      vote(proposalIn(message));
      // Its own single vote would be in the way.
      return message?.kind === 'phase' && voted.has(message.signed.statement.digest)
        ? []
        : undefined;
    },
  };
};

/** What was said long ago is said again. */
export const repeatStaleMessages: BehaviourMaker = (liar) => {
  const old: PeerMessage[] = [];
  const keep = (message: PeerMessage | undefined): void => {
    if (!message || !liar.random.chance(0.2)) return;
    if (old.length < 200) old.push(message);
    else old[liar.random.int(old.length)] = message;
  };
  liar.every(300, () => {
    const message = old[liar.random.int(old.length)];
    if (!message) return;
    liar.lied();
    broadcast(liar, message);
  });
  return {
    incoming: (from, packet) => {
      keep(peerMessage(liar, from, packet));
      return true;
    },
    outgoing: (_to, packet) => {
      keep(peerMessage(liar, liar.address, packet));
      return undefined;
    },
  };
};

/** Its votes are off by a little: the view or the attempt by one, another digest, another result. */
export const mutateALittle: BehaviourMaker = (liar) =>
  rewriting(liar, (message) => {
    if (message.kind !== 'phase' || !liar.random.chance(0.5)) return undefined;
    const { statement } = message.signed;
    const { view, attempt } = statement.ballot;
    const step = liar.random.chance(0.5) && view > 0 ? -1 : 1;
    switch (liar.random.int(4)) {
      case 0:
        return phaseAt(liar, statement, { ballot: { view: (view + step) as View, attempt } });
      case 1:
        return phaseAt(liar, statement, { ballot: { view, attempt: (attempt + 1) as Attempt } });
      case 2: {
        const flipped = statement.digest.startsWith('0') ? '1' : '0';
        return phaseAt(liar, statement, {
          digest: `${flipped}${statement.digest.slice(1)}` as Digest,
        });
      }
      default: {
        const { result } = statement;
        if (result.kind === 'activation') return undefined;
        const outcome = result.outcome === 'commit' ? 'abort' : 'commit';
        return phaseAt(liar, statement, { result: { kind: 'outcome', outcome } });
      }
    }
  });

/** The vote with a part of it changed, signed anew. */
function phaseAt(
  liar: Liar,
  statement: PhaseStatement,
  change: Partial<PhaseStatement>,
): PeerMessage | undefined {
  const changed = { ...statement, ...change };
  return { kind: 'phase', signed: sign(liar, changed) };
}

function proposalIn(message: PeerMessage | undefined): PhaseStatement | undefined {
  return message?.kind === 'pre-prepare' || message?.kind === 'pre-prepare-update'
    ? message.prePrepare.statement
    : undefined;
}
