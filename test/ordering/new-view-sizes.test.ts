import { expect, it } from 'vitest';
import { signatureBytesMax, signBatch } from '../../src/kernel/batch.js';
import { clusterId, digest, oneCorrect, quorum, replicaId, view } from '../../src/kernel/ids.js';
import { signOrdering } from '../../src/ordering/check-message.js';
import { orderingDefaults } from '../../src/ordering/core/engine.js';
import { orderingLimits } from '../../src/ordering/fields.js';
import { encodeOrderingMessage } from '../../src/ordering/message-codec.js';
import { intervalThatFits, viewChangesBytesMax } from '../../src/ordering/new-view-sizes.js';
import { digestOfTable } from '../../src/ordering/two-step-codec.js';
import {
  type SequencePhase,
  type SequenceViewChange,
  sequenceNumber,
  type TwoStepViewChange,
} from '../../src/ordering/types.js';

const cluster = clusterId('c'.repeat(63));
const [longest = new Uint8Array()] = signBatch(
  () => new Uint8Array(64),
  Array.from({ length: 16 }, (_, index) => new Uint8Array([index])),
);
const sign = () => longest;

function phase(scope: 'fab' | 'pbft', at: number, in_: number, of: SequencePhase['phase']) {
  const statement: SequencePhase = {
    ...{ kind: 'phase', scope, phase: of, view: view(in_), sequence: sequenceNumber(at) },
    digest: digest('ab'.repeat(32)),
  };
  return signOrdering(sign, cluster, statement);
}

function shared<S>({ statement, bytes }: { statement: S; bytes: Uint8Array }, count: number) {
  const signatures = Array.from({ length: count }, (_, index) => ({
    replica: replicaId(index),
    signature: longest,
  }));
  return { statement, bytes, signatures };
}

/** All that a correct replica may show: each place prepared, committed later, and acknowledged later still. */
function viewChange(scope: 'fab' | 'pbft', n: number, f: number, replica: number) {
  const all = quorum({ n, f });
  const places = Array.from({ length: 2 * intervalThatFits({ n, f }) }, (_, index) => index + 1);
  const checkpoint = signOrdering(sign, cluster, {
    ...{ kind: 'checkpoint', scope, position: 2 ** 40, digest: digest('cd'.repeat(32)) },
  });
  const common = {
    ...{ scope, view: view(9), replica: replicaId(replica), stable: shared(checkpoint, all) },
    prepared: places.map((at) => ({
      prePrepare: phase(scope, at, 1, 'pre-prepare'),
      prepares: shared(phase(scope, at, 1, 'prepare'), all - 1),
    })),
    committed: places.map((at) => shared(phase(scope, at, 2, 'commit'), all)),
  };
  if (scope === 'pbft') {
    const statement: SequenceViewChange = { kind: 'view-change', ...common };
    return signOrdering(sign, cluster, statement);
  }
  const table = { low: 0, digests: places.map(() => digest('ab'.repeat(32))) };
  const start = (in_: number) => {
    const confirmed = { scope, view: view(in_), digest: digestOfTable(table) } as const;
    const confirmation = signOrdering(sign, cluster, { kind: 'confirmation', ...confirmed });
    return { table, confirmations: shared(confirmation, oneCorrect({ n, f })) };
  };
  const statement: TwoStepViewChange = {
    ...{ kind: 'two-step-view-change', ...common, starts: [start(7), start(8)] },
    acked: places.map((at) => phase(scope, at, 7 + (at % 2), 'pre-prepare')),
  };
  return signOrdering(sign, cluster, statement);
}

it('the longest signature is what is counted', () => {
  expect(longest.length).toBe(signatureBytesMax);
});

it.each([
  ['pbft', 13, 4],
  ['fab', 13, 4],
  ['pbft', 25, 8],
  ['fab', 25, 8],
  ['pbft', 56, 18],
  ['fab', 56, 18],
  ['pbft', 64, 21],
  ['fab', 64, 21],
] as const)('a new view of %s with %i replicas holds all that they may show', (scope, n, f) => {
  const one = viewChange(scope, n, f, 0);
  const least = scope === 'fab' ? n - f : quorum({ n, f });
  const viewChanges = Array.from({ length: least }, (_, replica) => ({
    ...one,
    statement: { ...one.statement, replica: replicaId(replica) },
  }));
  expect(least * one.bytes.length).toBeLessThan(viewChangesBytesMax);
  // Not much less than there is room for.
  expect(least * one.bytes.length).toBeGreaterThan(0.8 * viewChangesBytesMax);
  const kind = scope === 'fab' ? ('two-step-new-view' as const) : ('new-view' as const);
  const statement = { kind, scope, view: view(9), viewChanges } as never;
  const newView = signOrdering(sign, cluster, statement);
  const encoded = encodeOrderingMessage({ kind, scope, newView } as never);
  expect(encoded.length).toBeLessThanOrEqual(orderingLimits.messageBytes);
});

it('up to 25 replicas that is no less than the default', () => {
  const { checkpointInterval } = orderingDefaults;
  expect(intervalThatFits({ n: 25, f: 8 })).toBeGreaterThanOrEqual(checkpointInterval);
  expect(intervalThatFits({ n: 56, f: 18 })).toBe(13);
});
