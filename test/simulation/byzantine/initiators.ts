import { encodeSigned, signStatement } from '../../../src/agreement/signing.js';
import type {
  ActivationStatement,
  CompletionStatement,
} from '../../../src/agreement/statements.js';
import { sha256 } from '../../../src/kernel/digest.js';
import { clientId, transactionId } from '../../../src/kernel/ids.js';
import { initiatorAt } from '../kit/cast.js';
import type { Packet } from '../parties/packets.js';
import type { BehaviourMaker, Liar } from './liar.js';
import { halves } from './replica-tools.js';

/** Commit for some replicas, Rollback for the others. */
export const conflictingCompletions: BehaviourMaker = (liar) => {
  const isOther = halves(liar);
  return {
    outgoing: (to, packet) => {
      const completion = completionIn(liar, packet);
      if (!completion || !isOther(to)) return undefined;
      liar.lied();
      const decision = completion.decision === 'commit' ? 'rollback' : 'commit';
      return [completionPacket(liar, { ...completion, decision })];
    },
  };
};

/** Asks to commit, or to roll back, as soon as it knows the transaction. */
export const completeAtOnce: BehaviourMaker = (liar) => ({
  outgoing: (_to, packet) => {
    const initiator = initiatorAt(liar.address);
    if (packet.kind !== 'post' || initiator === undefined) return undefined;
    const decision = liar.random.pick(['commit', 'rollback'] as const);
    const statement = { kind: 'completion', tid: packet.tid, decision, initiator } as const;
    const completion = completionPacket(liar, statement);
    liar.lied();
    for (const { name } of liar.cast.cluster.coordinators) liar.send(name, completion);
    return [packet];
  },
});

/** Activates what no client has asked for, and what one has asked for on other terms. */
export const inventRequests: BehaviourMaker = (liar) => {
  liar.every(1000, () => {
    const initiator = initiatorAt(liar.address);
    if (initiator === undefined) return;
    const request = sha256(Buffer.from(liar.random.hex(8)));
    const client = clientId('client-0');
    const timestamp = liar.random.int(1_000_000_000);
    const expiresMs = liar.random.int(100_000);
    liar.lied();
    const statement = {
      kind: 'activation',
      client,
      timestamp,
      request,
      expiresMs,
      initiator,
    } as const;
    activate(liar, statement);
  });
  return {
    outgoing: (_to, packet) => {
      if (packet.kind !== 'activate' || !liar.random.chance(0.3)) return undefined;
      const statement = liar.reader.statement(packet.statement)?.statement;
      if (statement?.kind !== 'activation') return undefined;
      activate(liar, { ...statement, expiresMs: 1 + liar.random.int(60_000) });
      return undefined;
    },
  };
};

/** Other amounts and accounts than the client's at the banks. */
export const alterPostings: BehaviourMaker = (liar) => ({
  outgoing: (_to, packet) => {
    if (packet.kind !== 'post' || !liar.random.chance(0.7)) return undefined;
    liar.lied();
    const amountMinor = 1 + liar.random.int(1000);
    return [{ ...packet, posting: { ...packet.posting, amountMinor } }];
  },
});

/** Tells the client the opposite, or another transaction. */
export const deceiveClients: BehaviourMaker = (liar) => ({
  outgoing: (_to, packet) => {
    if (packet.kind !== 'transferred') return undefined;
    liar.lied();
    const { call } = packet;
    const outcome = packet.outcome === 'committed' ? 'aborted' : 'committed';
    const tid = liar.random.chance(0.5) ? packet.tid : transactionId(liar.random.uuid());
    return [{ kind: 'transferred', call, tid, outcome }];
  },
});

function activate(liar: Liar, statement: ActivationStatement): void {
  const bytes = encodeSigned(signStatement(liar.sign, liar.cast.cluster.id, statement));
  for (const { name } of liar.cast.cluster.coordinators) {
    liar.send(name, { kind: 'activate', call: liar.nextCall(), statement: bytes });
  }
}

function completionPacket(liar: Liar, statement: CompletionStatement): Packet {
  const bytes = encodeSigned(signStatement(liar.sign, liar.cast.cluster.id, statement));
  return { kind: 'complete', statement: bytes };
}

function completionIn(liar: Liar, packet: Packet): CompletionStatement | undefined {
  if (packet.kind !== 'complete') return undefined;
  const statement = liar.reader.statement(packet.statement)?.statement;
  return statement?.kind === 'completion' ? statement : undefined;
}
