import type { PeerMessage } from '../../../src/agreement/messages.js';
import { sha256 } from '../../../src/kernel/digest.js';
import {
  type EnlistmentId,
  type TransactionId,
  transactionId,
  type View,
} from '../../../src/kernel/ids.js';
import { addressOfService, initiatorAt } from '../kit/cast.js';
import type { BehaviourMaker } from './liar.js';
import { broadcast, halves, peerMessage, selfOf, sendPeer, sign } from './replica-tools.js';

/** Some hear nothing of it. */
export const silentToSome: BehaviourMaker = (liar) => {
  const isIgnored = halves(liar);
  return {
    outgoing: (to) => {
      if (!isIgnored(to)) return undefined;
      liar.lied();
      return [];
    },
  };
};

const peerKinds: readonly PeerMessage['kind'][] = [
  'requests',
  'pre-prepare-reply',
  'pre-prepare-update',
  'pre-prepare',
  'phase',
  'record',
  'view-change',
  'new-view',
  'prepared',
  'decided',
  'fetch-transaction',
];

/** Keeps some kinds of messages to itself. */
export const withholdKinds: BehaviourMaker = (liar) => {
  let kinds = liar.random.some(peerKinds, 0.4);
  liar.every(8000, () => {
    kinds = liar.random.some(peerKinds, 0.4);
  });
  return {
    outgoing: (_to, packet) => {
      const kind = peerMessage(liar, liar.address, packet)?.kind;
      if (!kind || !kinds.includes(kind)) return undefined;
      liar.lied();
      return [];
    },
  };
};

/** Tells banks and initiators outcomes and ids that nobody decided. */
export const falseNotices: BehaviourMaker = (liar) => {
  const seen: {
    readonly to: string;
    readonly tid: TransactionId;
    readonly enlistment: EnlistmentId;
  }[] = [];
  liar.every(400, () => {
    const one = seen[liar.random.int(seen.length)];
    if (!one) return;
    liar.lied();
    const { to, tid, enlistment } = one;
    const notice = liar.random.pick(['Prepare', 'Commit', 'Rollback'] as const);
    liar.send(to, { kind: 'notice', notice, tid, enlistment });
    for (const { name } of liar.cast.cluster.initiators) {
      const outcome = liar.random.pick(['commit', 'abort'] as const);
      if (liar.random.chance(0.5)) liar.send(name, { kind: 'outcome', tid, outcome });
      else liar.send(name, { kind: 'completion-fault', tid, fault: 'InvalidState' });
    }
  });
  return {
    incoming: (_from, packet) => {
      if (packet.kind !== 'register') return true;
      const statement = liar.reader.statement(packet.statement)?.statement;
      if (statement?.kind !== 'registration') return true;
      const to = addressOfService(statement.address);
      if (to) seen.push({ to, tid: statement.tid, enlistment: statement.enlistment });
      return true;
    },
    outgoing: (to, packet) => {
      if (packet.kind !== 'activated' || initiatorAt(to) === undefined) return undefined;
      liar.lied();
      const tid = transactionId(liar.random.uuid());
      return [{ kind: 'activated', call: packet.call, tid }];
    },
  };
};

/** Acknowledges registrations that it does not keep. */
export const falseAcknowledgements: BehaviourMaker = (liar) => ({
  incoming: (from, packet) => {
    if (packet.kind !== 'register' || liar.random.chance(0.3)) return true;
    liar.lied();
    liar.send(from, { kind: 'registered', call: packet.call });
    return false;
  },
});

/** Knows of no transaction when a peer asks. */
export const denyKnowledge: BehaviourMaker = (liar) => ({
  incoming: (from, packet) => {
    const message = peerMessage(liar, from, packet);
    if (message?.kind !== 'fetch-transaction') return true;
    const { tid, question } = message;
    liar.lied();
    sendPeer(liar, from, { kind: 'unknown-transaction', tid, question });
    return false;
  },
});

/** Its disk is replaced every now and then: it forgets what it has said. */
export const amnesia: BehaviourMaker = (liar) => {
  liar.every(7000, () => {
    liar.lied();
    liar.loseDisk(liar.random.between(10, 2000));
  });
  return {};
};

/** Sends nonsense by the dozen: about slots and transactions that do not exist. */
export const floodPeers: BehaviourMaker = (liar) => {
  const self = selfOf(liar);
  liar.every(500, () => {
    liar.lied();
    for (let i = 0; i < 8; i += 1) {
      const tid = transactionId(liar.random.uuid());
      const slot = { kind: 'outcome', tid } as const;
      const digest = sha256(Buffer.from(liar.random.hex(8)));
      const ballot = { view: liar.random.int(3) as View, attempt: 0 as never };
      const result = { kind: 'outcome', outcome: 'commit' } as const;
      const phase = { kind: 'phase', phase: 'commit', slot, ballot, digest, result } as const;
      const { view } = ballot;
      const uuid = liar.random.hex(32);
      const request = { kind: 'activation', request: digest } as const;
      const own = { kind: 'proposal', slot: request, view, uuid, replica: self } as const;
      broadcast(
        liar,
        liar.random.pick<() => PeerMessage>([
          () => ({ kind: 'fetch', slot }),
          () => ({ kind: 'fetch-transaction', tid, question: digest }),
          () => ({ kind: 'phase', signed: sign(liar, phase) }),
          () => ({ kind: 'pre-prepare-reply', proposal: sign(liar, own) }),
        ])(),
      );
    }
  });
  return {};
};
