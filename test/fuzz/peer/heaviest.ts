import type {
  PeerMessage,
  PhaseStatement,
  PreparedCertificate,
  Slot,
} from '../../../src/agreement/messages.js';
import { encodePeerMessage } from '../../../src/agreement/peer-message.js';
import { signStatement } from '../../../src/agreement/signing.js';
import { limits } from '../../../src/kernel/codec/limits.js';
import {
  attempt,
  clientId,
  digest,
  replicaId,
  transactionId,
  view,
} from '../../../src/kernel/ids.js';
import { encodeFrame } from '../../../src/kernel/links/frames.js';
import { signOrdering } from '../../../src/ordering/check-message.js';
import { orderingLimits } from '../../../src/ordering/fields.js';
import { encodeOrderingMessage } from '../../../src/ordering/message-codec.js';
import { type Batch, cycleNumber, type OrderingMessage } from '../../../src/ordering/types.js';
import type { Random } from '../support/random.js';
import type { Liar } from './lies.js';

type Make = (random: Random, liar: Liar) => Uint8Array;

/** Messages between coordinators, as large as the wire lets them be, each with its frame. */
export const heaviestFrames: Readonly<Record<string, Make>> = {
  inventory: (random) =>
    agreement({
      kind: 'inventory',
      question: digest(random.hex(32)),
      after: 0,
      last: false,
      view: view(0),
      entered: view(0),
      recovering: false,
      open: [],
      finished: Array.from({ length: limits.inventoryEntries }, () => anyOutcome(random)),
      floors: [],
    }),
  'view change': (random, liar) =>
    agreement({ kind: 'view-change', viewChange: viewChangeOf(random, liar) }),
  'new view': (random, liar) => {
    const { cluster, sign, self, replicas } = liar;
    const own = viewChangeOf(random, liar);
    const viewChanges = Array.from({ length: replicas - 1 }, (_, index) => ({
      ...own,
      replica: replicaId(index),
    }));
    return agreement({
      kind: 'new-view',
      newView: signStatement(sign, cluster, { kind: 'new-view', view: view(self), viewChanges }),
    });
  },
  'batch of many requests': (random) =>
    ordering({
      scope: 'decision-module',
      kind: 'requests',
      batch: batchOf(random, orderingLimits.batchRequests),
    }),
  'batch of large requests': (random) =>
    ordering({ scope: 'decision-module', kind: 'requests', batch: batchOf(random, 4) }),
  'proposal of a cycle': (random, { cluster, sign, self }) =>
    ordering({
      scope: 'antipaxos',
      kind: 'proposal',
      value: { batch: batchOf(random, 64), readmit: [], complaints: [] },
      proposal: signOrdering(sign, cluster, {
        kind: 'proposal',
        scope: 'antipaxos',
        cycle: cycleNumber(random.between(1, 1000)),
        replica: self,
        digest: digest(random.hex(32)),
      }),
    }),
};

/** So many that a new view of them from a quorum still fits into a message. */
const certificates = 1024;

function viewChangeOf(random: Random, liar: Liar) {
  const { cluster, sign, self } = liar;
  const prepared = Array.from({ length: certificates }, () => preparedOf(random, liar)).sort(
    (a, b) => (slotKey(a) < slotKey(b) ? -1 : 1),
  );
  const statement = { kind: 'view-change', view: view(self), prepared } as const;
  return { replica: self, ...signStatement(sign, cluster, statement) };
}

/** Well-formed; what others should have signed is signed by the liar. */
function preparedOf(random: Random, { cluster, sign, replicas }: Liar): PreparedCertificate {
  const slot = anyOutcome(random);
  const statement: PhaseStatement = {
    kind: 'phase',
    phase: 'pre-prepare',
    slot,
    ballot: { view: view(0), attempt: attempt(0) },
    digest: digest(random.hex(32)),
    result: { kind: 'outcome', outcome: 'abort' },
  };
  const prepare = signStatement(sign, cluster, { ...statement, phase: 'prepare' });
  const signatures = Array.from({ length: replicas - 2 }, (_, index) => ({
    replica: replicaId(index + 1),
    signature: prepare.signature,
  }));
  return {
    prePrepare: signStatement(sign, cluster, statement),
    prepares: { statement: prepare.statement, bytes: prepare.bytes, signatures },
    value: {
      kind: 'outcome',
      tid: slot.tid,
      outcome: 'abort',
      reason: 'timeout',
      records: [],
      completion: [],
    },
  };
}

function slotKey({ prePrepare }: PreparedCertificate): string {
  const { slot } = prePrepare.statement;
  return slot.kind === 'outcome' ? slot.tid : slot.request;
}

function anyOutcome(random: Random): Extract<Slot, { kind: 'outcome' }> {
  return { kind: 'outcome', tid: transactionId(random.uuid()) };
}

function batchOf(random: Random, count: number): Batch {
  const bytes = Math.min(
    orderingLimits.payloadBytes,
    Math.floor(orderingLimits.batchBytes / count),
  );
  return Array.from({ length: count }, (_, index) => ({
    client: clientId(random.hex(20)),
    number: index + 1,
    payload: new Uint8Array(bytes),
  }));
}

function agreement(message: PeerMessage): Uint8Array {
  return encodeFrame('agreement', encodePeerMessage(message));
}

function ordering(message: OrderingMessage): Uint8Array {
  return encodeFrame('ordering', encodeOrderingMessage(message));
}
