import { describe, expect, it } from 'vitest';
import { clientId, type Digest, type ReplicaId, type View } from '../../src/kernel/ids.js';
import {
  digestOfBatch,
  digestOfCycleValue,
  signOrdering,
} from '../../src/ordering/check-message.js';
import { AntipaxosEngine } from '../../src/ordering/core/antipaxos/engine.js';
import { type OrderingOptions, orderingDefaults } from '../../src/ordering/core/engine.js';
import { PbftEngine } from '../../src/ordering/core/pbft/engine.js';
import { orderingLimits } from '../../src/ordering/fields.js';
import {
  type Batch,
  type Cycle,
  cycleNumber,
  type OrderingMessage,
  sequenceNumber,
} from '../../src/ordering/types.js';
import { makeRequest, OrderingRig } from '../support/ordering-rig.js';

type Rig = OrderingRig<PbftEngine>;

const { batchBytes } = orderingLimits;
/** A pipeline of one place: four full batches may be under way. */
const shareBytes = 4 * batchBytes;

function open(): Rig {
  return new OrderingRig((own, machine) => new PbftEngine(own, machine), {
    options: { pipelineDepth: 1, batchDelayMs: 0 },
  });
}

/** Some bytes less than the payloads may have, for what is around them. */
function largeBatch(number: number): Batch {
  const payload = new Uint8Array(batchBytes - 1000).fill(number);
  return [{ client: clientId('large'), number, payload }];
}

function proposal(rig: Rig, sequence: number, batch: Batch): OrderingMessage {
  const prePrepare = signOrdering(rig.parties.replicaSign(0), rig.parties.cluster.id, {
    ...{ kind: 'phase', scope: 'pbft', phase: 'pre-prepare', view: 0 as View },
    sequence: sequenceNumber(sequence),
    digest: digestOfBatch(batch),
  });
  return { kind: 'pre-prepare', scope: 'pbft', prePrepare, batch };
}

function batchBytesOf(rig: Rig, replica: number): number {
  const stored = [...(rig.stores[replica] ?? [])].filter(([key]) => key.includes('batch/'));
  return stored.reduce((sum, [, value]) => sum + value.length, 0);
}

describe('what a primary may have under way', () => {
  it('is bounded in bytes: a liar that proposes for all places of the log fills nobody’s store', () => {
    const rig = open();
    rig.tamper = (from, _to, message) => (from === 0 ? [] : [message]);
    // Nothing at place 1, so that nothing is executed.
    for (let place = 2; place <= 12; place += 1) {
      for (const to of [1, 2, 3]) rig.transmit(0, to, proposal(rig, place, largeBatch(place)));
    }
    rig.runFor(100);
    for (const replica of [1, 2, 3]) {
      expect(batchBytesOf(rig, replica)).toBeGreaterThan(shareBytes / 2);
      expect(batchBytesOf(rig, replica)).toBeLessThanOrEqual(shareBytes);
    }
    rig.submit(1, 'a', 1);
    const isApplied = (replica: number) => rig.history(replica).some((one) => one.includes(':a:1'));
    rig.runUntil(() => [1, 2, 3].every(isApplied));
    rig.checkOrder([1, 2, 3]);
  });

  it('comes again for a backup that was behind and had no room', () => {
    const rig = open();
    let isCut = true;
    const ofPlaceOne = (message: OrderingMessage): boolean =>
      message.kind === 'committed' ||
      message.kind === 'batch' ||
      (message.kind === 'pre-prepare' && message.prePrepare.statement.sequence === 1);
    rig.tamper = (_from, to, message) =>
      isCut && to === 3 && ofPlaceOne(message) ? [] : [message];
    for (let number = 1; number <= 9; number += 1) {
      const [request] = largeBatch(number);
      if (request) rig.input(0, { kind: 'submit', request, nowMs: rig.nowMs });
      rig.runUntil(() => rig.haveApplied(number, [0, 1, 2]));
    }
    expect(rig.history(3)).toEqual([]);
    expect(batchBytesOf(rig, 3)).toBeLessThanOrEqual(shareBytes);
    isCut = false;
    rig.crash(2);
    rig.submit(1, 'a', 1);
    rig.runUntil(() => rig.haveApplied(10));
    expect(rig.engine(1).view).toBe(0);
    rig.checkOrder();
  });
});

it('no replica makes a batch that others do not take', () => {
  expect(orderingDefaults.batchBytesMax).toBeLessThanOrEqual(batchBytes);
  expect(orderingLimits.payloadBytes).toBeLessThanOrEqual(batchBytes);
  const larger: Partial<OrderingOptions> = { batchBytesMax: batchBytes + 1 };
  expect(
    () => new OrderingRig((own, machine) => new PbftEngine(own, machine), { options: larger }),
  ).toThrow('batch size');
});

describe('what a replica keeps of the values of another', () => {
  it('is one a cycle, of two pipelines of cycles ahead', () => {
    const rig = new OrderingRig(
      (own, machine) =>
        new AntipaxosEngine({ ...own, exclusion: 'S1', timeoutMaxMs: 1000 }, machine),
      { options: { pipelineDepth: 2 } },
    );
    const digests: [Cycle, Digest][] = [];
    for (let cycle = 1; cycle <= 20; cycle += 1) {
      for (const client of ['a', 'b']) {
        const value = { batch: [makeRequest(client, cycle, '')], readmit: [], complaints: [] };
        const digest = digestOfCycleValue(value);
        digests.push([cycleNumber(cycle), digest]);
        const proposal = signOrdering(rig.parties.replicaSign(3), rig.parties.cluster.id, {
          ...{ kind: 'proposal', scope: 'antipaxos', replica: 3 as ReplicaId },
          cycle: cycleNumber(cycle),
          digest,
        });
        rig.transmit(3, 0, { kind: 'proposal', scope: 'antipaxos', proposal, value });
      }
    }
    const kept = new Set<Digest>();
    rig.tamper = (from, to, message) => {
      if (from !== 0) return [];
      const isAnswer = to === 3 && message.kind === 'proposal';
      if (isAnswer) kept.add(message.proposal.statement.digest);
      return [];
    };
    rig.runFor(20);
    for (const [cycle, digest] of digests) {
      rig.transmit(3, 0, { kind: 'fetch-value', scope: 'antipaxos', cycle, digest });
    }
    rig.runFor(20);
    const ofLiar = digests.filter(([, digest]) => kept.has(digest));
    expect(ofLiar.map(([cycle]) => cycle).sort()).toEqual([1, 2, 3, 4]);
  });
});
