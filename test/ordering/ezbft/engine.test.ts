import { describe, expect, it } from 'vitest';
import type { ReplicaId } from '../../../src/kernel/ids.js';
import { EzbftEngine } from '../../../src/ordering/core/ezbft/engine.js';
import { touchedBytesMax } from '../../../src/ordering/core/ezbft/room.js';
import type { OrderingRequest } from '../../../src/ordering/types.js';
import { makeRequest, OrderingRig } from '../../support/ordering-rig.js';
import { KeyedRig } from './keyed.js';

/** Every message takes ten milliseconds, and nothing waits for a batch. */
function timed(n = 4, f = 1): KeyedRig {
  const rig = new KeyedRig({ n, f, options: { batchDelayMs: 0, idleDelayMs: 0 } });
  rig.latencyMinMs = 10;
  rig.latencyMaxMs = 10;
  return rig;
}

describe('delays, by the clock of the simulation', () => {
  it.each([0, 1, 2, 3])('are two from replica %i to all, where nothing interferes', (home) => {
    const rig = timed();
    rig.submit(home, 'a', 1, `key${home} 1`);
    const startMs = rig.nowMs;
    rig.runUntil(() => rig.haveApplied(1));
    expect(rig.nowMs - startMs).toBe(20);
  });

  it('are two for all at once, where keys differ', () => {
    const rig = timed();
    const startMs = rig.nowMs;
    for (const home of [0, 1, 2, 3]) rig.submit(home, `c${home}`, 1, `key${home} 1`);
    rig.runUntil(() => rig.haveApplied(4));
    expect(rig.nowMs - startMs).toBe(20);
    expect(rig.count('pre-prepare')).toBe(0);
  });

  it('are four where all interfere: two for replies that differ, two of the Decision Module', () => {
    const rig = timed();
    const startMs = rig.nowMs;
    for (const home of [0, 1, 2, 3]) rig.submit(home, `c${home}`, 1, 'one 1');
    rig.runUntil(() => rig.haveApplied(4));
    expect(rig.nowMs - startMs).toBe(40);
    rig.checkKeys();
  });

  it('are four with a replica that is down, once it was missed', () => {
    const rig = timed();
    rig.crash(3);
    rig.submit(1, 'a', 1, 'key 1');
    rig.runUntil(() => rig.haveApplied(1));
    const startMs = rig.nowMs;
    rig.submit(1, 'a', 2, 'key 2');
    rig.runUntil(() => rig.haveApplied(2));
    expect(rig.nowMs - startMs).toBe(40);
  });
});

describe('a replica whose replies are late', () => {
  /** What each request of replica 1 takes, while replica 3 says nothing before it is too late. */
  function waits(rig: KeyedRig, requests: number): number[] {
    rig.tamper = (from, to, message) => {
      if (from !== 3 || message.kind !== 'spec-reply') return [message];
      rig.after(70, () => rig.transmit(from, to, message));
      return [];
    };
    return Array.from({ length: requests }, (_, index) => {
      const startMs = rig.nowMs;
      rig.submit(1, 'a', index + 1, 'key 1');
      rig.runUntil(() => rig.haveApplied(index + 1, [0, 1, 2]));
      const tookMs = rig.nowMs - startMs;
      rig.runFor(200);
      return tookMs;
    });
  }

  it('is not waited for a second time: what is proposed takes four delays then', () => {
    const [first = 0, ...others] = waits(timed(), 12);
    expect(first).toBeGreaterThan(62);
    expect(Math.max(...others)).toBe(40);
  });

  it('makes up for that by replies in time, each time by more of them', () => {
    const rig = timed();
    let number = 0;
    const areSettled = (requests: number): boolean[] =>
      Array.from({ length: requests }, () => {
        const before = rig.count('pre-prepare');
        number += 1;
        rig.submit(1, 'a', number, 'key 1');
        rig.runUntil(() => rig.haveApplied(number, [0, 1, 2]));
        rig.runFor(200);
        return rig.count('pre-prepare') > before;
      });
    for (const owed of [2, 4, 8]) {
      rig.tamper = (from, _to, message) =>
        from === 3 && message.kind === 'spec-reply' ? [] : [message];
      expect(areSettled(1)).toEqual([true]);
      rig.tamper = (_from, _to, message) => [message];
      const inTime = areSettled(owed + 2);
      expect(inTime.slice(0, owed)).toEqual(new Array(owed).fill(true));
      expect(inTime.slice(owed + 1)).toEqual([false]);
    }
  });

  it('does not make up for that by what it says of instances that nobody has', () => {
    const rig = new KeyedRig({ n: 7, f: 2, options: { batchDelayMs: 0, idleDelayMs: 0 } });
    rig.latencyMinMs = 10;
    rig.latencyMaxMs = 10;
    const [first = 0] = waits(rig, 1);
    expect(first).toBeGreaterThan(62);
    for (const index of [5, 6, 7, 8, 9, 10]) {
      for (const liar of [6, 3]) {
        const reply = rig.reply(liar, 6, index, null);
        for (const to of [0, 1])
          rig.transmit(liar, to, { kind: 'spec-reply', scope: 'ezbft', reply });
        rig.runFor(20);
      }
    }
    const startMs = rig.nowMs;
    rig.submit(1, 'a', 2, 'key 1');
    rig.runUntil(() => rig.haveApplied(2, [0, 1, 2, 4, 5]));
    expect(rig.nowMs - startMs).toBe(40);
  });
});

describe('what does not interfere', () => {
  it.each(Array.from({ length: 12 }, (_, index) => index + 1))(
    'passes what it commutes with, and nothing else, under loss and crashes (seed %i)',
    (seed) => {
      const rig = new KeyedRig({ seed, options: { checkpointInterval: 8 } });
      rig.lossRate = 0.1;
      rig.latencyMaxMs = 60;
      for (let round = 1; round <= 12; round += 1) {
        const victim = Math.floor(rig.random() * 4);
        if (round % 3 === 1) rig.crashAfterOutputs(victim, Math.floor(rig.random() * 6));
        for (const replica of rig.alive) rig.submit(replica, `c${replica}`, round, keyed(rig));
        rig.runFor(100 + rig.random() * 700);
        for (const replica of [0, 1, 2, 3]) if (!rig.alive.has(replica)) rig.start(replica);
        rig.checkKeys();
      }
      for (const replica of [0, 1, 2, 3]) {
        for (let round = 1; round <= 12; round += 1)
          rig.submit(replica, `c${replica}`, round, keyed(rig));
      }
      rig.lossRate = 0;
      rig.runUntil(() => rig.haveApplied(48), 600_000);
      rig.runFor(30_000);
      rig.checkKeys();
      for (const replica of [0, 1, 2, 3]) {
        expect(rig.histories(replica).flatMap(([, history]) => history)).toHaveLength(48);
        expect(rig.logged(replica, 'state-diverged')).toBe(0);
      }
    },
  );

  it('is never what one client asks for: of two requests with one number one is executed', () => {
    const rig = new KeyedRig();
    rig.latencyMaxMs = 40;
    for (let number = 1; number <= 10; number += 1) {
      for (const home of [0, 1, 2, 3]) rig.submit(home, 'a', number, `key${home} ${number}`);
    }
    rig.runUntil(() => rig.haveApplied(10));
    rig.runUntilIdle();
    for (const replica of [1, 2, 3]) expect(rig.histories(replica)).toEqual(rig.histories(0));
    rig.checkKeys();
  });

  it('makes checkpoints that are the same, though it was executed in different orders', () => {
    const rig = new KeyedRig({ options: { checkpointInterval: 4, batchDelayMs: 0 } });
    rig.latencyMaxMs = 80;
    for (let number = 1; number <= 30; number += 1) {
      for (const home of [0, 1, 2, 3]) rig.submit(home, `c${home}`, number, `key${home} ${number}`);
      rig.runUntil(() => rig.haveApplied(4 * number));
    }
    rig.runUntilIdle();
    for (const store of rig.stores) expect(store.size).toBeLessThan(120);
    for (const replica of [0, 1, 2, 3]) expect(rig.logged(replica, 'state-diverged')).toBe(0);
  });
});

describe('batches', () => {
  it('touch no more than a settlement holds', () => {
    const keysOf = ({ client }: OrderingRequest) => [client + 'k'.repeat(touchedBytesMax / 3)];
    const rig = new OrderingRig(
      (options, machine) => new EzbftEngine(options, Object.assign(machine, { keysOf })),
      { options: { batchDelayMs: 20, checkpointInterval: 16 } },
    );
    for (let index = 0; index < 8; index += 1) rig.submit(0, `c${index}`, 1);
    rig.runUntil(() => rig.haveApplied(8));
    rig.checkOrder();
    expect(rig.count('spec-order')).toBe(4 * 3);
  });
});

describe('a client', () => {
  it('is not executed again, however many others there were since the last checkpoint', () => {
    const rig = new OrderingRig(
      (options, machine) => new EzbftEngine(options, Object.assign(machine, { keysOf: () => [] })),
      { options: { batchRequestsMax: 1024, batchDelayMs: 50, idleDelayMs: 50 } },
    );
    // By name the first of all, so it goes first where the table has no room for the others.
    const home = 0;
    rig.submit(home, 'a', 1);
    for (let client = 1; client <= 4200; client += 1) {
      rig.submit(home, `b${client}`, 1);
      if (client % 600 === 0) rig.runUntil(() => rig.haveApplied(client + 1), 60_000);
    }
    for (let number = 1; number <= 100; number += 1) {
      rig.submit(home, 'c', number);
      rig.runUntil(() => rig.haveApplied(4201 + number), 60_000);
    }
    rig.runUntilIdle();
    for (const store of rig.stores) expect([...store.keys()]).toContain('ezbft/stable');
    rig.submit(1, 'a', 1);
    rig.runUntilIdle();
    for (const replica of [0, 1, 2, 3]) expect(rig.history(replica)).toHaveLength(4301);
  });
});

describe('liars', () => {
  const batch = [makeRequest('liar', 1, 'key liar')];
  const other = [makeRequest('liar', 1, 'key other')];

  it('cannot have two batches of one instance executed', () => {
    const rig = new KeyedRig();
    rig.crash(3);
    rig.transmit(3, 0, rig.order(3, 1, batch, [0, 0, 0, 0]));
    rig.transmit(3, 1, rig.order(3, 1, other, [0, 0, 0, 0]));
    rig.transmit(3, 2, rig.order(3, 1, other, [0, 0, 0, 0]));
    rig.submit(0, 'a', 1, 'key 1');
    rig.runFor(60_000);
    rig.checkKeys();
    expect(rig.haveApplied(1)).toBe(true);
    rig.submit(1, 'b', 1, 'key 2');
    rig.runUntil(() =>
      [0, 1, 2].every((replica) => rig.history(replica).some((one) => one.includes(':b:1:'))),
    );
    rig.checkKeys();
  });

  it('delay by naming what does not exist, and do not stop', () => {
    const rig = new KeyedRig();
    rig.crash(3);
    for (const to of [0, 1, 2]) rig.transmit(3, to, rig.order(3, 1, batch, [5, 7, 0, 0]));
    rig.submit(0, 'a', 1, 'key 1');
    rig.runUntil(() => rig.haveApplied(2), 60_000);
    rig.checkKeys();
    rig.submit(0, 'a', 2, 'key 2');
    rig.runUntil(() => rig.haveApplied(3), 60_000);
  });

  it('cannot use up the places of another: what is left of them is covered, and its requests come again', () => {
    const rig = new KeyedRig({ options: { checkpointInterval: 4, batchDelayMs: 0 } });
    rig.crash(3);
    // Nobody sees what replica 0 proposes while its places are named by the liar.
    rig.tamper = (from, _to, message) => {
      if (from !== 0 || message.kind !== 'spec-order') return [message];
      return message.order.statement.instance.space === 0 ? [] : [message];
    };
    rig.submit(0, 'a', 1, 'key 1');
    for (const to of [0, 1, 2]) rig.transmit(3, to, rig.order(3, 1, batch, [16, 0, 0, 0]));
    rig.runFor(10_000);
    rig.tamper = (_from, _to, message) => [message];
    rig.runUntil(() => rig.haveApplied(2), 60_000);
    rig.checkKeys();
    for (let number = 2; number <= 12; number += 1) {
      rig.submit(0, 'a', number, `key ${number}`);
      rig.runUntil(() => rig.haveApplied(number + 1), 60_000);
    }
  });

  it('are not replied to where they name what lies out of reach, or propose too much at once', () => {
    const rig = new KeyedRig();
    rig.crash(3);
    const before = rig.count('spec-reply');
    for (const to of [0, 1, 2]) rig.transmit(3, to, rig.order(3, 1, batch, [2 ** 40, 0, 0, 0]));
    for (const to of [0, 1, 2])
      rig.transmit(3, to, rig.order(3, 2 ** 40, batch, [0, 0, 0, 2 ** 40 - 1]));
    const long = Array.from({ length: 129 }, (_, index) => makeRequest('liar', index + 1, 'key'));
    for (const to of [0, 1, 2]) rig.transmit(3, to, rig.order(3, 2, long, [0, 0, 0, 1]));
    rig.runFor(10_000);
    expect(rig.count('spec-reply')).toBe(before);
  });

  it('are not waited for as long again, once what they named never came', () => {
    const rig = new KeyedRig({ options: { batchDelayMs: 0, idleDelayMs: 0 } });
    rig.crash(3);
    const took = [1, 2, 3].map((round) => {
      const lie = [makeRequest('liar', round, 'key liar')];
      // In a space where nothing else is: two places more each time.
      for (const to of [0, 1, 2]) {
        rig.transmit(3, to, rig.order(3, round, lie, [0, 2 * round, 0, round - 1]));
      }
      rig.runFor(20);
      const startMs = rig.nowMs;
      rig.submit(0, 'a', round, `key ${round}`);
      rig.runUntil(() => rig.haveApplied(2 * round), 60_000);
      return rig.nowMs - startMs;
    });
    expect(took[0]).toBeGreaterThan(1400);
    expect(Math.max(...took.slice(1))).toBeLessThan(500);
    rig.checkKeys();
  });

  it('are shown so many instances at a time, however often they ask', () => {
    const rig = new KeyedRig();
    rig.submit(0, 'a', 1, 'key 1');
    rig.runUntil(() => rig.haveApplied(1));
    rig.runUntilIdle();
    const before = rig.count('commit-fast');
    const instance = { space: 0 as ReplicaId, index: 1 };
    for (let asked = 0; asked < 500; asked += 1) {
      rig.transmit(3, 0, { kind: 'fetch-instance', scope: 'ezbft', instance });
    }
    rig.runFor(100);
    expect(rig.count('commit-fast') - before).toBe(64);
    rig.runFor(500);
    rig.transmit(3, 0, { kind: 'fetch-instance', scope: 'ezbft', instance });
    rig.runFor(100);
    expect(rig.count('commit-fast') - before).toBe(65);
  });

  it('do not have one that they told alone wait for ever', () => {
    const rig = new KeyedRig();
    rig.crash(3);
    rig.transmit(3, 0, rig.order(3, 1, batch, [0, 0, 0, 0]));
    rig.runUntil(() => rig.haveApplied(1), 60_000);
    rig.runUntilIdle();
  });
});

function keyed(rig: KeyedRig): string {
  return `key${Math.floor(rig.random() * 5)} x`;
}

describe('a replica that has lost its store', () => {
  it('says nothing of what it may have said something of, and takes part again', () => {
    const rig = new KeyedRig({ options: { checkpointInterval: 4, batchDelayMs: 0 } });
    for (let number = 1; number <= 5; number += 1) {
      rig.submit(3, 'a', number, `key ${number}`);
      rig.runUntil(() => rig.haveApplied(number));
    }
    const said: number[] = [];
    rig.tamper = (from, _to, message) => {
      const reply = message.kind === 'spec-order' ? message.order : undefined;
      const own = message.kind === 'spec-reply' ? message.reply : reply;
      if (from === 3 && own) said.push(own.statement.instance.index);
      return [message];
    };
    rig.loseStore(3);
    expect(rig.engine(3).isLost).toBe(true);
    rig.submit(3, 'b', 1, 'key 6');
    rig.runUntil(() => rig.haveApplied(6), 120_000);
    expect(rig.engine(3).isLost).toBe(false);
    expect(Math.min(...said)).toBeGreaterThan(16);
    rig.submit(0, 'c', 1, 'key 7');
    rig.runUntil(() => rig.haveApplied(7));
    rig.checkKeys();
    rig.runUntilIdle();
  });

  it('is not back before the others have covered that', () => {
    const rig = new KeyedRig({ options: { checkpointInterval: 4 } });
    rig.submit(0, 'a', 1, 'key 1');
    rig.runUntil(() => rig.haveApplied(1));
    rig.tamper = (_from, _to, message) => (message.kind === 'checkpoint' ? [] : [message]);
    rig.loseStore(2);
    rig.runFor(30_000);
    expect(rig.engine(2).isLost).toBe(true);
    const before = rig.count('spec-reply');
    rig.transmit(3, 2, rig.order(3, 1, [makeRequest('b', 1, 'key 2')], [0, 0, 0, 0]));
    rig.runFor(100);
    expect(rig.count('spec-reply')).toBe(before);
  });
});
