import { expect, it } from 'vitest';
import { replicaId, view } from '../../src/kernel/ids.js';
import { digestOfBatch, signOrdering } from '../../src/ordering/check-message.js';
import { FabEngine } from '../../src/ordering/core/fab/engine.js';
import { orderingLimits } from '../../src/ordering/fields.js';
import { sequenceNumber } from '../../src/ordering/types.js';
import { makeRequest, OrderingRig } from '../support/ordering-rig.js';

const INTERVAL = 8;

it('a new primary keeps no more batches for a liar’s acknowledgements than its log has room for', () => {
  const rig = new OrderingRig((own, machine) => new FabEngine(own, machine), {
    options: { batchDelayMs: 0, idleDelayMs: 0, pipelineDepth: 1, checkpointInterval: INTERVAL },
  });
  const { cluster } = rig.parties;
  const sign = rig.parties.replicaSign(0);
  rig.crash(0);
  const batches = Array.from({ length: orderingLimits.window }, (_, at) => [
    makeRequest('liar', at + 1, 'x'),
  ]);
  const byDigest = new Map(batches.map((batch) => [digestOfBatch(batch), batch]));
  const phase = { kind: 'phase', scope: 'fab', phase: 'pre-prepare', view: view(0) } as const;
  const acked = [...byDigest.keys()].map((digest, at) =>
    signOrdering(sign, cluster.id, { ...phase, sequence: sequenceNumber(at + 1), digest }),
  );
  const viewChange = signOrdering(sign, cluster.id, {
    ...{ kind: 'two-step-view-change', scope: 'fab', view: view(1), replica: replicaId(0) },
    ...{ stable: null, acked, starts: [], prepared: [], committed: [] },
  });
  let isLate = true;
  rig.tamper = (from, to, message) => {
    const batch =
      message.kind === 'fetch-batch' && to === 0 ? byDigest.get(message.digest) : undefined;
    if (batch) rig.transmit(0, from, { kind: 'batch', scope: 'fab', batch });
    return from === 3 && message.kind === 'two-step-view-change' && isLate ? [] : [message];
  };
  for (const to of [1, 2, 3]) {
    rig.transmit(0, to, { kind: 'two-step-view-change', scope: 'fab', viewChange });
  }
  rig.submit(1, 'a', 1);
  rig.runFor(15_000);
  const kept = (replica: number) =>
    [...(rig.stores[replica]?.keys() ?? [])].filter((key) => key.startsWith('fab/batch/')).length;
  expect(Math.max(...[1, 2, 3].map(kept))).toBeLessThanOrEqual(2 * INTERVAL);
  isLate = false;
  rig.runUntil(() => rig.haveApplied(1, [1, 2, 3]));
  rig.checkOrder();
});
