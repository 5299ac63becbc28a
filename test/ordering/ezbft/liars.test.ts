import { describe, expect, it } from 'vitest';
import { decodeSettlement } from '../../../src/ordering/settlement-codec.js';
import type { OrderingMessage, OrderingRequest } from '../../../src/ordering/types.js';
import { makeRequest } from '../../support/ordering-rig.js';
import { KeyedRig } from './keyed.js';

const batch = [makeRequest('liar', 1, 'key liar')];

/** So far above its cut another's instances are taken. */
function reachOf(checkpointInterval: number): number {
  return 3 * checkpointInterval + 4;
}

function isNoOp(rig: KeyedRig, { payload }: OrderingRequest): boolean {
  return decodeSettlement(rig.parties.cluster.id, payload).touched === null;
}

/** A client's requests are executed at all correct replicas, window after window. */
function expectProgress(rig: KeyedRig, home: number, requests: number): void {
  const before = rig.history(home).length;
  for (let number = 1; number <= requests; number += 1) {
    rig.submit(home, 'after', number, `key ${number}`);
    rig.runUntil(() => rig.haveApplied(before + number), 120_000);
  }
  rig.checkKeys();
}

describe('places of the log', () => {
  it.each([[4], [64]])('are not used up by one order that names all (interval %i)', (interval) => {
    const rig = new KeyedRig({ options: { checkpointInterval: interval, batchDelayMs: 0 } });
    rig.crash(3);
    const all = reachOf(interval);
    for (const to of [0, 1, 2]) rig.transmit(3, to, rig.order(3, 1, batch, [all, all, all, 0]));
    rig.runFor(60_000);
    expectProgress(rig, 0, 3 * interval);
  });

  it('are left for barriers where a batch names all others', () => {
    const interval = 4;
    const rig = new KeyedRig({ options: { checkpointInterval: interval, batchDelayMs: 0 } });
    rig.crash(3);
    const all = 2 * interval;
    for (const to of [0, 1, 2]) rig.transmit(3, to, rig.order(3, 1, batch, [all, all, all, 0]));
    rig.runFor(60_000);
    expectProgress(rig, 0, 3 * interval);
  });

  it('are given back by the checkpoint of a barrier that names all', () => {
    const interval = 4;
    const rig = new KeyedRig({ options: { checkpointInterval: interval, batchDelayMs: 0 } });
    rig.crash(3);
    const all = reachOf(interval);
    for (const to of [0, 1, 2]) rig.transmit(3, to, rig.order(3, 1, [], [all, all, all, 0]));
    rig.runFor(60_000);
    expectProgress(rig, 0, 3 * interval);
  });

  it('are not used up by what another says of them', () => {
    const interval = 4;
    const rig = new KeyedRig({ options: { checkpointInterval: interval, batchDelayMs: 0 } });
    rig.crash(3);
    for (const to of [0, 1, 2]) {
      const reply = rig.reply(3, to, reachOf(interval), null);
      rig.transmit(3, to, { kind: 'spec-reply', scope: 'ezbft', reply });
    }
    rig.runFor(1_000);
    expectProgress(rig, 0, 3 * interval);
  });
});

describe('an instance that all have refused', () => {
  it('is a no-op, and what names it is executed', () => {
    const rig = new KeyedRig({ options: { batchDelayMs: 0, idleDelayMs: 0 } });
    rig.crash(3);
    const reply = rig.reply(3, 2, 1, null);
    for (const to of [0, 1, 2]) {
      rig.transmit(3, to, { kind: 'spec-reply', scope: 'ezbft', reply });
      rig.transmit(3, to, rig.order(3, 1, batch, [0, 0, 1, 0]));
    }
    rig.runUntil(() => rig.haveApplied(1), 60_000);
    expectProgress(rig, 2, 4);
  });
});

describe('a liar that names no value of anything', () => {
  it('makes no no-op of what the others are about to name', () => {
    const rig = new KeyedRig({ options: { batchDelayMs: 0, idleDelayMs: 0 } });
    rig.crash(3);
    rig.latencyMinMs = 10;
    rig.latencyMaxMs = 10;
    const seen = new Set<string>();
    let noOps = 0;
    rig.tamper = (_from, to, message) => {
      if (to === 3 && message.kind === 'spec-order') refuseAtOnce(rig, message, seen);
      if (message.scope === 'ezbft-decisions' && 'batch' in message) {
        noOps += message.batch.filter((command) => isNoOp(rig, command)).length;
      }
      return [message];
    };
    for (const home of [0, 1, 2]) rig.submit(home, `c${home}`, 1, 'one x');
    rig.runUntil(() => rig.haveApplied(3));
    expect(seen.size).toBe(3);
    expect(noOps).toBe(0);
    rig.checkKeys();
  });

  /**
   * And a network in which a barrier's order arrives once the other two have proposed theirs: the first three
   * replies to each differ, so each may come to nothing.
   */
  it.each([
    { suspectAfterMs: 1500, interval: 4, seed: 1, heldMs: 10 },
    { suspectAfterMs: 9, interval: 4, seed: 1, heldMs: 10 },
    // Each of these had used up all places for barriers.
    { suspectAfterMs: 5, interval: 4, seed: 1, heldMs: 10 },
    { suspectAfterMs: 7, interval: 5, seed: 2, heldMs: 10 },
    { suspectAfterMs: 15, interval: 8, seed: 2, heldMs: 60 },
  ])(
    'does not halt barriers, where replicas have patience for $suspectAfterMs ms (interval $interval)',
    ({ suspectAfterMs, interval, seed, heldMs }) => {
      const rig = new KeyedRig({
        seed,
        options: {
          checkpointInterval: interval,
          batchDelayMs: 0,
          idleDelayMs: 0,
          suspectAfterMs,
        },
      });
      rig.crash(3);
      const seen = new Set<string>();
      const held = new Map<number, Map<number, OrderingMessage>>();
      let isLying = true;
      const release = () => {
        for (const [from, orders] of held)
          for (const [to, message] of orders) rig.transmit(from, to, message);
        held.clear();
      };
      rig.tamper = (from, to, message) => {
        const isBarrier = message.kind === 'spec-order' && message.batch.length === 0;
        if (!isLying || !isBarrier || from !== message.order.statement.instance.space)
          return [message];
        refuseAtOnce(rig, message, seen);
        if (to === 3) return [];
        const orders = held.get(from) ?? new Map<number, OrderingMessage>();
        held.set(from, orders.set(to, message));
        const isWhole = [...held.values()].every(({ size }) => size === 2);
        if (held.size === 3 && isWhole) rig.after(heldMs, release);
        return [];
      };
      for (let number = 1; number <= 16; number += 1) {
        for (const home of [0, 1, 2]) {
          for (const one of ['a', 'b'])
            rig.submit(home, `${one}${home}`, number, `key${home}${one} x`);
        }
        rig.runFor(20);
      }
      rig.runFor(120_000);
      isLying = false;
      release();
      rig.runUntil(() => rig.haveApplied(6 * 16), 600_000);
      rig.submit(0, 'later', 1, 'other x');
      rig.runUntil(() => rig.haveApplied(6 * 16 + 1), 60_000);
      rig.checkKeys();
    },
  );

  function refuseAtOnce(
    rig: KeyedRig,
    { order }: Extract<OrderingMessage, { kind: 'spec-order' }>,
    seen: Set<string>,
  ): void {
    const { space, index } = order.statement.instance;
    const key = `${space}.${index}`;
    if (seen.has(key)) return;
    seen.add(key);
    const reply = rig.reply(3, space, index, null);
    for (const to of [0, 1, 2]) rig.transmit(3, to, { kind: 'spec-reply', scope: 'ezbft', reply });
  }
});

describe('a replica that has lost its store', () => {
  const liar = 6;
  const lost = 5;
  const first = 17;
  const last = 60;

  function orders(rig: KeyedRig, text: string): void {
    for (let index = first; index <= last; index += 1) {
      const requests = [makeRequest('liar', index, `${text} ${index}`)];
      rig.transmit(liar, lost, rig.order(liar, index, requests, [0, 0, 0, 0, 0, 0, index - 1]));
    }
  }

  it('names no third batch of an instance of which it has kept two', () => {
    const rig = new KeyedRig({ n: 7, f: 2, options: { checkpointInterval: 4, batchDelayMs: 0 } });
    rig.crash(liar);
    rig.submit(0, 'a', 1, 'key 1');
    rig.runUntil(() => rig.haveApplied(1));
    rig.loseStore(lost);
    for (let number = 2; rig.engine(lost).isLost; number += 1) {
      rig.submit(number % 5, 'a', number, `key ${number}`);
      rig.runFor(500);
      for (const text of ['x', 'y']) orders(rig, text);
      expect(number).toBeLessThan(200);
    }
    orders(rig, 'z');
    rig.runFor(10_000);
    rig.checkKeys();
  });

  it('takes no claim that is no number any more with what is added to it', () => {
    const rig = new KeyedRig({ n: 7, f: 2, options: { checkpointInterval: 4, batchDelayMs: 0 } });
    rig.crash(liar);
    rig.submit(0, 'a', 1, 'key 1');
    rig.runUntil(() => rig.haveApplied(1));
    rig.tamper = (_from, to, message) => {
      if (message.kind === 'lost-instances' && to === 0) {
        const executed = Array.from({ length: 7 }, () => Number.MAX_SAFE_INTEGER);
        const { nonce } = message;
        rig.transmit(liar, lost, { kind: 'reach-instances', scope: 'ezbft', nonce, executed });
      }
      return [message];
    };
    rig.loseStore(lost);
    rig.runUntil(() => !rig.engine(lost).isLost, 120_000);
  });
});
