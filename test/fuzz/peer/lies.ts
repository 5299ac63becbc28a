import type {
  PeerMessage,
  PhaseStatement,
  Slot,
  SlotResult,
} from '../../../src/agreement/messages.js';
import { signStatement } from '../../../src/agreement/signing.js';
import {
  attempt,
  type ClusterId,
  digest,
  type ReplicaId,
  replicaId,
  transactionId,
  view,
} from '../../../src/kernel/ids.js';
import type { Sign } from '../../../src/kernel/keys.js';
import type { Random } from '../support/random.js';

/** A coordinator's own key, with which it says what it likes. */
export interface Liar {
  readonly cluster: ClusterId;
  readonly self: ReplicaId;
  readonly sign: Sign;
  readonly replicas: number;
}

type Tell = (random: Random, liar: Liar, truth: PeerMessage) => PeerMessage;

/** Views and attempts beside the true one, and far from it. */
function near(random: Random, value: number): number {
  return random.pick([
    value + 1,
    Math.max(0, value - 1),
    value + 3,
    random.below(1000),
    2 ** 53 - 1,
  ]);
}

function anySlot(random: Random): Slot {
  return random.oneIn(2)
    ? { kind: 'activation', request: digest(random.hex(32)) }
    : { kind: 'outcome', tid: transactionId(random.uuid()) };
}

function otherPhase(random: Random, statement: PhaseStatement): PhaseStatement {
  const { ballot, result } = statement;
  const phase = random.pick(['pre-prepare', 'prepare', 'commit'] as const);
  return random.pick<PhaseStatement>([
    { ...statement, phase },
    { ...statement, phase, ballot: { ...ballot, view: view(near(random, ballot.view)) } },
    {
      ...statement,
      ballot: { ...ballot, attempt: attempt(Math.min(near(random, ballot.attempt), 2 ** 32 - 1)) },
    },
    { ...statement, digest: digest(random.hex(32)) },
    { ...statement, phase, slot: slotLike(random, statement.slot) },
    {
      ...statement,
      result:
        result.kind === 'outcome'
          ? { kind: 'outcome', outcome: result.outcome === 'commit' ? 'abort' : 'commit' }
          : anyActivation(random),
    },
  ]);
}

function anyActivation(random: Random): SlotResult {
  const content = digest(random.hex(32));
  return { kind: 'activation', tid: transactionId(random.uuid()), content };
}

function slotLike(random: Random, { kind }: Slot): Slot {
  return kind === 'activation'
    ? { kind, request: digest(random.hex(32)) }
    : { kind, tid: transactionId(random.uuid()) };
}

/** A true message with something else in it that the liar signs, or as it is. */
export const distort: Tell = (random, liar, truth) => {
  const { cluster, sign, self } = liar;
  switch (truth.kind) {
    case 'phase':
      return {
        kind: 'phase',
        signed: signStatement(sign, cluster, otherPhase(random, truth.signed.statement)),
      };
    case 'pre-prepare':
    case 'pre-prepare-update':
      return {
        ...truth,
        prePrepare: signStatement(sign, cluster, {
          ...otherPhase(random, truth.prePrepare.statement),
          phase: 'pre-prepare',
        }),
      };
    case 'pre-prepare-reply':
    case 'activation-pre-prepare': {
      const { statement } = truth.proposal;
      const over = { view: view(near(random, statement.view)), replica: self };
      const uuid = random.hex(16);
      return { ...truth, proposal: signStatement(sign, cluster, { ...statement, ...over, uuid }) };
    }
    case 'decided': {
      const { commits } = truth.proof;
      const [first, ...rest] = commits.signatures;
      const signatures = first
        ? [{ ...first, signature: new Uint8Array(random.bytes(64)) }, ...rest]
        : [];
      return { ...truth, proof: { ...truth.proof, commits: { ...commits, signatures } } };
    }
    default:
      return truth;
  }
};

const inventions: readonly ((random: Random, liar: Liar) => PeerMessage)[] = [
  (random) => ({ kind: 'fetch', slot: anySlot(random) }),
  (random) => ({
    kind: 'fetch-transaction',
    tid: transactionId(random.uuid()),
    question: digest(random.hex(32)),
  }),
  (random) => ({
    kind: 'unknown-transaction',
    tid: transactionId(random.uuid()),
    question: digest(random.hex(32)),
  }),
  (random) => ({
    kind: 'recover',
    question: digest(random.hex(32)),
    after: random.pick([0, 1, 2048, 2 ** 32 - 1]),
    floors: random.oneIn(2),
    leave: random.pick([null, view(0), view(1), view(2 ** 40)]),
  }),
  (random) => ({
    kind: 'inventory',
    question: digest(random.hex(32)),
    after: random.pick([0, 2048]),
    last: random.oneIn(2),
    view: view(random.pick([0, 1, 2 ** 40])),
    entered: view(random.pick([0, 1, 2 ** 40])),
    recovering: random.oneIn(2),
    open: Array.from({ length: random.below(100) }, () => anySlot(random)),
    finished: Array.from({ length: random.below(100) }, () => anySlot(random)),
    floors: [],
  }),
  (random, { cluster, self, sign }) => ({
    kind: 'pre-prepare-reply',
    proposal: signStatement(sign, cluster, {
      kind: 'proposal',
      slot: { kind: 'activation', request: digest(random.hex(32)) },
      view: view(random.below(8)),
      uuid: random.hex(16),
      replica: self,
    }),
  }),
  (random, { cluster, sign }) => {
    const slot = anySlot(random);
    const result =
      slot.kind === 'outcome'
        ? ({ kind: 'outcome', outcome: random.oneIn(2) ? 'commit' : 'abort' } as const)
        : anyActivation(random);
    return {
      kind: 'phase',
      signed: signStatement(sign, cluster, {
        kind: 'phase',
        phase: random.pick(['prepare', 'commit'] as const),
        slot,
        ballot: { view: view(random.below(8)), attempt: attempt(random.below(4)) },
        digest: digest(random.hex(32)),
        result,
      }),
    };
  },
  (random, { cluster, self, sign }) => ({
    kind: 'view-change',
    viewChange: {
      replica: self,
      ...signStatement(sign, cluster, {
        kind: 'view-change',
        view: view(near(random, random.below(16))),
        prepared: [],
      }),
    },
  }),
  (random, { cluster, self, sign, replicas }) => {
    const to = view(self + replicas * random.below(4));
    const own = {
      replica: self,
      ...signStatement(sign, cluster, { kind: 'view-change', view: to, prepared: [] } as const),
    };
    const forged = { ...own, replica: replicaId((self + 1) % replicas) };
    const viewChanges = [own, forged].sort((a, b) => a.replica - b.replica);
    return {
      kind: 'new-view',
      newView: signStatement(sign, cluster, { kind: 'new-view', view: to, viewChanges }),
    };
  },
];

/** A message about slots and views that nobody else knows of. */
export function invent(random: Random, liar: Liar): PeerMessage {
  return random.pick(inventions)(random, liar);
}
