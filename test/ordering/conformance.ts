import { describe, expect, it } from 'vitest';
import type { View } from '../../src/kernel/ids.js';
import type { OrderingEngine } from '../../src/ordering/core/engine.js';
import { orderingLimits } from '../../src/ordering/fields.js';
import {
  type EngineFactory,
  OrderingRig,
  type OrderingRigOptions,
} from '../support/ordering-rig.js';

/** What every ordering engine must do. Each engine's test file calls it. */
export function engineConformance(name: string, factory: EngineFactory<OrderingEngine>): void {
  const open = (options: OrderingRigOptions = {}): OrderingRig => new OrderingRig(factory, options);

  describe(`${name}, as an ordering engine`, () => {
    it.each([
      [4, 1],
      [5, 1],
      [7, 2],
    ])('orders alike at all of n = %i, f = %i what is submitted anywhere', (n, f) => {
      const rig = open({ n, f });
      for (let number = 1; number <= 5; number += 1) {
        for (let replica = 0; replica < n; replica += 1) rig.submit(replica, `c${replica}`, number);
      }
      rig.runUntil(() => rig.haveApplied(5 * n));
      rig.checkOrder();
    });

    it('orders what is submitted to a replica alone, across checkpoints and restarts', () => {
      const rig = open({ n: 1, f: 0, options: { checkpointInterval: 4, batchDelayMs: 0 } });
      for (let number = 1; number <= 20; number += 1) {
        rig.submit(0, 'a', number);
        rig.runUntil(() => rig.haveApplied(number));
      }
      rig.crash(0);
      rig.start(0);
      rig.submit(0, 'a', 21);
      rig.runUntil(() => rig.haveApplied(21));
    });

    it('comes to rest without load, and starts again', () => {
      const rig = open();
      rig.submit(0, 'a', 1);
      rig.runUntilIdle();
      expect(rig.haveApplied(1)).toBe(true);
      const sent = [...rig.sent.values()].reduce((sum, count) => sum + count, 0);
      rig.runFor(600_000);
      expect([...rig.sent.values()].reduce((sum, count) => sum + count, 0)).toBe(sent);
      rig.submit(3, 'b', 1);
      rig.runUntil(() => rig.haveApplied(2));
    });

    it('executes a request once, wherever and how often it is submitted', () => {
      const rig = open();
      for (const replica of [0, 1, 2, 3, 0]) rig.submit(replica, 'a', 1);
      rig.runUntilIdle();
      rig.submit(2, 'a', 1);
      rig.runUntilIdle();
      expect(rig.history(3)).toHaveLength(1);
      expect(rig.outputs[2]?.at(-1)).toMatchObject({ kind: 'refused', reason: 'executed' });
      rig.checkOrder();
    });

    it('refuses what no batch holds', () => {
      const rig = open();
      rig.submit(0, 'a', 1, 'x'.repeat(orderingLimits.payloadBytes + 1));
      expect(rig.outputs[0]?.at(-1)).toMatchObject({ kind: 'refused', reason: 'too-long' });
      rig.submit(0, 'a', 1, 'x'.repeat(orderingLimits.payloadBytes / 4));
      rig.runUntil(() => rig.haveApplied(1));
    });

    it('persists what it says before it says it, and what it delivers before it tells', () => {
      const rig = open();
      rig.onStep = (_, outputs) => {
        const told = outputs.findIndex(({ kind }) => kind === 'delivered');
        if (told < 0) return;
        const before = outputs.slice(0, told).some(({ kind }) => kind === 'persist');
        expect(before).toBe(true);
      };
      rig.submit(0, 'a', 1);
      rig.runUntil(() => rig.haveApplied(1));
    });

    it('goes on when a replica dies, and lets it catch up', () => {
      const rig = open();
      rig.submit(1, 'a', 1);
      rig.runUntil(() => rig.haveApplied(1));
      rig.crash(0);
      for (let number = 2; number <= 10; number += 1) rig.submit(1, 'a', number);
      rig.runUntil(() => rig.haveApplied(10));
      rig.start(0);
      rig.runUntil(() => rig.haveApplied(10));
      rig.checkOrder();
      rig.submit(0, 'late', 1);
      rig.runUntil(() => rig.haveApplied(11));
      rig.checkOrder();
    });

    it('brings a replica back from beyond the log, with the state and its client table', () => {
      const rig = open({ options: { checkpointInterval: 4, batchDelayMs: 0 } });
      rig.crash(3);
      for (let number = 1; number <= 40; number += 1) {
        rig.submit(0, 'a', number);
        rig.runUntil(() => rig.haveApplied(number));
      }
      rig.start(3);
      rig.runUntil(() => rig.haveApplied(40));
      expect(rig.outputs[3]?.some(({ kind }) => kind === 'installed')).toBe(true);
      rig.submit(3, 'a', 7);
      rig.submit(3, 'a', 41);
      rig.runUntil(() => rig.haveApplied(41));
      rig.runFor(10_000);
      expect(rig.history(3)).toHaveLength(41);
      rig.checkOrder();
    });

    it('fetches a state of several chunks, though one of those that have it lies', () => {
      const rig = open({ options: { checkpointInterval: 4, batchDelayMs: 0 } });
      rig.crash(3);
      rig.submit(0, 'large', 1, 'x'.repeat(600_000));
      for (let number = 1; number <= 20; number += 1) {
        rig.submit(0, 'a', number);
        rig.runUntil(() => rig.haveApplied(1 + number));
      }
      let lies = 0;
      rig.tamper = (from, _to, message) => {
        if (from !== 0 || message.kind !== 'chunk') return [message];
        lies += 1;
        return [{ ...message, bytes: message.bytes.slice(1) }];
      };
      rig.start(3);
      rig.runUntil(() => rig.haveApplied(21));
      expect(rig.count('chunk')).toBeGreaterThan(lies);
      rig.checkOrder();
    });

    it('neither asks without end while a state is long in coming, nor stops at that state', () => {
      const rig = open({ options: { checkpointInterval: 4, batchDelayMs: 0 } });
      rig.crash(3);
      for (let number = 1; number <= 42; number += 1) {
        rig.submit(0, 'a', number);
        rig.runUntil(() => rig.haveApplied(number));
      }
      let lost = 0;
      rig.tamper = (_from, _to, message) => {
        if (message.kind !== 'chunk') return [message];
        lost += 1;
        return [];
      };
      rig.start(3);
      rig.runFor(120_000);
      expect(lost).toBeGreaterThan(100);
      expect(rig.count('status')).toBeLessThan(400);
      // The others have said all that they had to say.
      const told = rig.count('status');
      rig.runFor(60_000);
      expect(rig.count('status')).toBe(told);
      rig.tamper = (_from, _to, message) => [message];
      rig.runUntil(() => rig.haveApplied(42));
      rig.checkOrder();
    });

    it('asks one that is further on once at a time, again where no answer comes, and not for ever', () => {
      const rig = open();
      rig.runUntilIdle();
      let asked = 0;
      rig.tamper = (from, to, { kind }) => {
        if (from === 0 && to === 1 && kind === 'status') asked += 1;
        return [];
      };
      const { kind: scope } = rig.engine(0);
      const status = { kind: 'status', scope, view: 0 as View, position: 5, stable: 0 } as const;
      for (let time = 0; time < 20; time += 1) rig.transmit(1, 0, status);
      rig.runFor(10);
      expect(asked).toBeLessThanOrEqual(1);
      rig.runFor(2000);
      expect(asked).toBeGreaterThan(1);
      rig.runUntilIdle();
      expect(asked).toBeLessThan(20);
    });

    it('keeps a bounded store', () => {
      const rig = open({ options: { checkpointInterval: 4, batchDelayMs: 0 } });
      for (let number = 1; number <= 60; number += 1) {
        rig.submit(number % 4, 'a', number);
        rig.runUntil(() => rig.haveApplied(number));
      }
      rig.runUntilIdle();
      for (const store of rig.stores) expect(store.size).toBeLessThan(120);
    });

    it('restarts all replicas from their stores', () => {
      const rig = open({ options: { checkpointInterval: 4 } });
      for (let number = 1; number <= 11; number += 1) {
        rig.submit(0, 'a', number);
        rig.runUntil(() => rig.haveApplied(number));
      }
      for (const replica of [0, 1, 2, 3]) rig.crash(replica);
      for (const replica of [0, 1, 2, 3]) rig.start(replica);
      rig.runUntil(() => rig.haveApplied(11));
      rig.submit(2, 'a', 12);
      rig.submit(2, 'a', 3);
      rig.runUntil(() => rig.haveApplied(12));
      rig.runFor(10_000);
      expect(rig.history(1)).toHaveLength(12);
      rig.checkOrder();
    });

    it('goes on by itself when a stable checkpoint makes room in the log', () => {
      const rig = open({ options: { checkpointInterval: 2, batchDelayMs: 0 } });
      rig.tamper = (_from, _to, message) => (message.kind === 'checkpoint' ? [] : [message]);
      for (let number = 1; number <= 4; number += 1) {
        rig.submit(0, 'a', number);
        rig.runUntil(() => rig.haveApplied(number));
      }
      rig.submit(0, 'a', 5);
      rig.runFor(1000);
      expect(rig.haveApplied(5)).toBe(false);
      const views = rig.count('view-change');
      // Nobody reminds it of the request.
      rig.tamper = (_from, _to, message) => (message.kind === 'requests' ? [] : [message]);
      rig.runUntil(() => rig.haveApplied(5));
      expect(rig.count('view-change')).toBe(views);
    });

    it.each(Array.from({ length: 12 }, (_, index) => index + 1))(
      'orders under loss, reordering and crashes in the middle of a step (seed %i)',
      (seed) => {
        const rig = open({ seed, options: { checkpointInterval: 8 } });
        rig.lossRate = 0.1;
        rig.latencyMaxMs = 60;
        let submitted = 0;
        for (let round = 0; round < 12; round += 1) {
          const victim = Math.floor(rig.random() * 4);
          if (round % 3 === 1) rig.crashAfterOutputs(victim, Math.floor(rig.random() * 6));
          for (const replica of rig.alive) {
            rig.submit(replica, `c${replica}`, round + 1);
            submitted += 1;
          }
          rig.runFor(100 + rig.random() * 700);
          for (const replica of [0, 1, 2, 3]) if (!rig.alive.has(replica)) rig.start(replica);
          rig.checkOrder();
        }
        // A request that only a crashed replica had is its client's to submit again.
        for (let replica = 0; replica < 4; replica += 1) {
          for (let number = 1; number <= 12; number += 1)
            rig.submit(replica, `c${replica}`, number);
        }
        rig.lossRate = 0;
        rig.runUntil(() => rig.haveApplied(48), 600_000);
        expect(submitted).toBeGreaterThan(0);
        rig.runFor(30_000);
        rig.checkOrder();
      },
    );
  });
}
