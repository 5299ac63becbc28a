import type {
  ActivationValue,
  OutcomeValue,
  PeerMessage,
  PhaseStatement,
  SlotValue,
} from '../../../src/agreement/messages.js';
import { encodePeerMessage } from '../../../src/agreement/peer-message.js';
import { type AnyStatement, signStatement } from '../../../src/agreement/signing.js';
import { activationResult, digestOfValue } from '../../../src/agreement/values.js';
import type { ReplicaId } from '../../../src/kernel/ids.js';
import type { Signed } from '../../../src/kernel/signed.js';
import { coordinatorAddress, replicaAt } from '../kit/cast.js';
import type { Packet } from '../parties/packets.js';
import type { Behaviour, Liar } from './liar.js';

export type PrePrepare = Extract<PeerMessage, { kind: 'pre-prepare' }>;

/** The liar's own number. Throws `RangeError` where it is no coordinator. */
export function selfOf({ address }: Liar): ReplicaId {
  const id = replicaAt(address);
  if (id === undefined) throw new RangeError(`${address} is no coordinator`);
  return id;
}

export function otherReplicas({ cast, address }: Liar): string[] {
  return cast.cluster.coordinators
    .map(({ id }) => coordinatorAddress(id))
    .filter((other) => other !== address);
}

export function sign<S extends AnyStatement>(liar: Liar, statement: S): Signed<S> {
  return signStatement(liar.sign, liar.cast.cluster.id, statement);
}

export function peerPacket(message: PeerMessage): Packet {
  return { kind: 'peer', bytes: encodePeerMessage(message) };
}

export function sendPeer(liar: Liar, to: string, message: PeerMessage): void {
  liar.send(to, peerPacket(message));
}

export function broadcast(liar: Liar, message: PeerMessage): void {
  const packet = peerPacket(message);
  for (const to of otherReplicas(liar)) liar.send(to, packet);
}

/** The peer message in a packet, whoever it is from. */
export function peerMessage(liar: Liar, from: string, packet: Packet): PeerMessage | undefined {
  const replica = replicaAt(from);
  if (packet.kind !== 'peer' || replica === undefined) return undefined;
  return liar.reader.peer(replica, packet.bytes)?.message;
}

/** Puts another message in place of some that the liar sends to its peers. */
export function rewriting(
  liar: Liar,
  rewrite: (message: PeerMessage, to: string) => PeerMessage | undefined,
): Behaviour {
  return {
    outgoing: (to, packet) => {
      const message = peerMessage(liar, liar.address, packet);
      const instead = message && rewrite(message, to);
      if (!instead) return undefined;
      liar.lied();
      return [peerPacket(instead)];
    },
  };
}

/** Splits the others in two halves, anew every now and then. */
export function halves(liar: Liar): (address: string) => boolean {
  let sides = new Map<string, boolean>();
  let next = liar.random.chance(0.5);
  liar.every(6000, () => {
    sides = new Map();
  });
  return (address) => {
    const known = sides.get(address);
    if (known !== undefined) return known;
    next = liar.random.chance(0.8) ? !next : next;
    sides.set(address, next);
    return next;
  };
}

/** The same proposal with another value, signed anew. */
export function withValue(liar: Liar, { prePrepare }: PrePrepare, value: SlotValue): PrePrepare {
  const { statement } = prePrepare;
  const result =
    value.kind === 'outcome'
      ? ({ kind: 'outcome', outcome: value.outcome } as const)
      : statement.result;
  const changed: PhaseStatement = { ...statement, digest: digestOfValue(value), result };
  return { kind: 'pre-prepare', prePrepare: sign(liar, changed), value };
}

/** A bare abort with the records of another outcome: well-founded, if the time had run out. */
export function bareAbort({ tid, records }: OutcomeValue): OutcomeValue {
  return { kind: 'outcome', tid, outcome: 'abort', reason: 'timeout', records, completion: [] };
}

/** A proposal of this value where the statement's was. */
export function proposalOf(
  liar: Liar,
  statement: PhaseStatement,
  value: ActivationValue | OutcomeValue,
): PrePrepare {
  const result =
    value.kind === 'activation'
      ? activationResult(value)
      : ({ kind: 'outcome', outcome: value.outcome } as const);
  const changed: PhaseStatement = { ...statement, digest: digestOfValue(value), result };
  return { kind: 'pre-prepare', prePrepare: sign(liar, changed), value };
}

/** The other proposal for those on the other side, and both for the liar's friends. */
export function twoFaced(
  liar: Liar,
  isOther: (address: string) => boolean,
  to: string,
  packet: Packet,
  other: PrePrepare,
): readonly Packet[] | undefined {
  liar.lied();
  const { coordinators, audiences } = liar.conspiracy;
  const lie = peerPacket(other);
  if (coordinators.has(to)) return [packet, lie];
  const message = peerMessage(liar, liar.address, packet);
  const told = isOther(to) ? other : message;
  if (told?.kind === 'pre-prepare' || told?.kind === 'pre-prepare-update') {
    const { digest } = told.prePrepare.statement;
    audiences.set(digest, (audiences.get(digest) ?? new Set()).add(to));
  }
  return isOther(to) ? [lie] : undefined;
}
