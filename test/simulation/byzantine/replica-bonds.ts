import type { PeerMessage, Proposal, UuidProposal } from '../../../src/agreement/messages.js';
import { slotKey } from '../../../src/agreement/messages.js';
import { sha256 } from '../../../src/kernel/digest.js';
import type { BehaviourMaker } from './liar.js';
import {
  broadcast,
  halves,
  peerMessage,
  rewriting,
  selfOf,
  sign,
  twoFaced,
  withValue,
} from './replica-tools.js';

/** A primary that proposes two commits of one transaction at its first attempt, both of them well-founded. */
export const equivocateFirstAttempts: BehaviourMaker = (liar) => {
  const isOther = halves(liar);
  return {
    outgoing: (to, packet) => {
      const message = peerMessage(liar, liar.address, packet);
      if (message?.kind !== 'pre-prepare' || message.value.kind !== 'outcome') return undefined;
      if (!message.value.closing || message.value.completion.length < 2) return undefined;
      const completion = [...message.value.completion].reverse();
      const other = withValue(liar, message, { ...message.value, completion });
      return twoFaced(liar, isOther, to, packet, other);
    },
  };
};

/** It denies its votes at first attempts, or claims others that it never cast. */
export const falseBonds: BehaviourMaker = (liar) => {
  const seen = new Map<string, Proposal>();
  const keep = (message: PeerMessage | undefined): true => {
    if (message?.kind === 'pre-prepare' && message.prePrepare.statement.ballot.attempt === 0) {
      const { prePrepare, value } = message;
      seen.set(slotKey(prePrepare.statement.slot), { prePrepare, value });
    }
    if (message?.kind !== 'bonded') return true;
    const { slot, view } = message;
    const claimed = seen.get(slotKey(slot)) ?? null;
    const isEarlier = claimed !== null && claimed.prePrepare.statement.ballot.view < view;
    const proposal = isEarlier && liar.random.chance(0.5) ? claimed : null;
    liar.lied();
    broadcast(liar, { kind: 'bonded', slot, view, proposal });
    return true;
  };
  return {
    incoming: (from, packet) => keep(peerMessage(liar, from, packet)),
    ...rewriting(liar, (message) =>
      message.kind === 'bonded' && message.proposal && liar.random.chance(0.7)
        ? { ...message, proposal: null }
        : undefined,
    ),
  };
};

/** It states that nothing binds it wherever it is asked, and closes transactions with what they do not hold. */
export const falseWitness: BehaviourMaker = (liar) => ({
  incoming: (from, packet) => {
    const message = peerMessage(liar, from, packet);
    if (message?.kind !== 'activation-pre-prepare') return true;
    const { slot, view } = message.proposal.statement;
    const uuid = liar.random.hex(32);
    const own: UuidProposal = { kind: 'proposal', slot, view, uuid, replica: selfOf(liar) };
    liar.lied();
    broadcast(liar, { kind: 'pre-prepare-reply', proposal: sign(liar, own) });
    return true;
  },
  ...rewriting(liar, (message) => {
    if (message.kind !== 'closing' || !liar.random.chance(0.5)) return undefined;
    const enlistments = sha256(Buffer.from(liar.random.hex(8)));
    return { kind: 'closing', signed: sign(liar, { ...message.signed.statement, enlistments }) };
  }),
});
