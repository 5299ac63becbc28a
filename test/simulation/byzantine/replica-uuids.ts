import {
  type ActivationValue,
  type PeerMessage,
  type PhaseStatement,
  type SlotKey,
  slotKey,
  type UuidProposal,
} from '../../../src/agreement/messages.js';
import type { ActivationStatement } from '../../../src/agreement/statements.js';
import { collectiveTransactionId } from '../../../src/agreement/values.js';
import { quorum } from '../../../src/kernel/ids.js';
import type { Signed } from '../../../src/kernel/signed.js';
import type { BehaviourMaker, Liar } from './liar.js';
import {
  halves,
  peerMessage,
  peerPacket,
  proposalOf,
  rewriting,
  selfOf,
  sign,
  twoFaced,
} from './replica-tools.js';

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
    outgoing: (to, packet) => {
      const message = peerMessage(liar, liar.address, packet);
      seen.keep(message);
      if (message?.kind !== 'pre-prepare-update') return undefined;
      const value = seen.otherValue(liar, message.prePrepare.statement);
      if (!value) return undefined;
      const other = proposalOf(liar, message.prePrepare.statement, value);
      return twoFaced(liar, isOther, to, packet, other);
    },
  };
};

/** A primary that waits for all UUIDs and then makes up its own until it likes the outcome. */
export const grindUuid: BehaviourMaker = (liar) => {
  const seen = new Gathered();
  return {
    incoming: (from, packet) => seen.keep(peerMessage(liar, from, packet)),
    outgoing: (_to, packet) => {
      const message = peerMessage(liar, liar.address, packet);
      seen.keep(message);
      if (message?.kind !== 'pre-prepare-update') return undefined;
      const ground = seen.grind(liar, message.prePrepare.statement);
      if (!ground) return undefined;
      liar.lied();
      return [peerPacket(proposalOf(liar, message.prePrepare.statement, ground))];
    },
  };
};

/** What a primary has seen of the gathering of UUIDs. */
class Gathered {
  readonly #requests = new Map<SlotKey, readonly Signed<ActivationStatement>[]>();
  readonly #proposals = new Map<string, Map<number, Signed<UuidProposal>>>();
  /** Values made up for a slot in a view, so that all who get one get the same. */
  readonly #made = new Map<string, ActivationValue>();

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

  /** A value with another choice of proposals, or, of no more than are needed, with another own one. */
  otherValue(liar: Liar, { slot, ballot }: PhaseStatement): ActivationValue | undefined {
    const key = `${slotKey(slot)} ${ballot.view}`;
    const known = this.#made.get(key);
    if (known) return known;
    const proposals = this.#of(slot, ballot.view);
    const requests = this.#requests.get(slotKey(slot));
    const count = quorum(liar.cast.cluster.resilience);
    if (!requests || proposals.length < count) return undefined;
    const chosen = proposals.slice(-count).map((proposal) => {
      if (proposals.length > count || proposal.statement.replica !== selfOf(liar)) return proposal;
      return sign(liar, { ...proposal.statement, uuid: liar.random.hex(32) });
    });
    const value = { kind: 'activation', requests, proposals: chosen } as const;
    this.#made.set(key, value);
    return value;
  }

  /** The same value for everybody, with an own proposal that was made after all others were known. */
  grind(liar: Liar, { slot, ballot }: PhaseStatement): ActivationValue | undefined {
    const key = `${slotKey(slot)} ${ballot.view}`;
    const known = this.#made.get(key);
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
    if (best) this.#made.set(key, best);
    return best;
  }

  #of(slot: PhaseStatement['slot'], view: number): Signed<UuidProposal>[] {
    const proposals = this.#proposals.get(`${slotKey(slot)} ${view}`) ?? new Map();
    return [...proposals.values()].sort((a, b) => a.statement.replica - b.statement.replica);
  }
}
