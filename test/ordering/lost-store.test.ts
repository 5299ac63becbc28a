import { describe, expect, it } from 'vitest';
import type { View } from '../../src/kernel/ids.js';
import { AntipaxosEngine } from '../../src/ordering/core/antipaxos/engine.js';
import { FabEngine } from '../../src/ordering/core/fab/engine.js';
import { boundOf } from '../../src/ordering/core/lost-store.js';
import { PbftEngine } from '../../src/ordering/core/pbft/engine.js';
import { evidenceIn } from '../../src/ordering/core/pbft/new-view.js';
import type { LogEntry } from '../../src/ordering/core/sequence/log-entry.js';
import type { OrderingMessage } from '../../src/ordering/types.js';
import { type EngineFactory, OrderingRig } from '../support/ordering-rig.js';

type Engine = AntipaxosEngine | FabEngine | PbftEngine;

const engines: Record<string, EngineFactory<Engine>> = {
  antipaxos: (own, machine) =>
    new AntipaxosEngine({ exclusion: 'S1', timeoutMaxMs: 2000, ...own }, machine),
  fab: (own, machine) => new FabEngine(own, machine),
  pbft: (own, machine) => new PbftEngine(own, machine),
};

/** What a replica signs for one place, by name; `undefined` for what may differ. */
function signedIn(from: number, message: OrderingMessage): [string, string] | undefined {
  const { scope } = message;
  switch (message.kind) {
    case 'proposal': {
      const { replica, cycle, digest } = message.proposal.statement;
      return [`${replica} proposal ${cycle}`, digest];
    }
    case 'report': {
      const { replica, cycle, entries } = message.report.statement;
      return [`${replica} report ${cycle}`, JSON.stringify(entries.map((one) => one?.digest))];
    }
    case 'pre-prepare': {
      const { view, sequence, digest } = message.prePrepare.statement;
      return [`${scope} pre-prepare ${view} ${sequence}`, digest];
    }
    case 'phase': {
      const { phase, view, sequence, digest } = message.signed.statement;
      return [`${from} ${scope} ${phase} ${view} ${sequence}`, digest];
    }
    case 'confirmation': {
      const { statement, signatures } = message.confirmations;
      const [own] = signatures.length === 1 ? signatures : [];
      if (own?.replica !== from) return undefined;
      return [`${from} ${scope} confirmation ${statement.view}`, statement.digest];
    }
    case 'view-change':
    case 'two-step-view-change': {
      const { replica, view } = message.viewChange.statement;
      return [`${replica} ${scope} view-change ${view}`, message.viewChange.signature.join(' ')];
    }
    default:
      return undefined;
  }
}

/** Notes what all sign, and what they sign twice and differently. */
function watchWords(rig: OrderingRig<Engine>): string[] {
  const words = new Map<string, string>();
  const broken: string[] = [];
  rig.tamper = (from, _to, message) => {
    const [name, what] = signedIn(from, message) ?? [];
    if (name !== undefined && what !== undefined) {
      if ((words.get(name) ?? what) !== what) broken.push(name);
      words.set(name, what);
    }
    return [message];
  };
  return broken;
}

describe('where a replica without its store may have been', () => {
  const four = { n: 4, f: 1 };
  const seven = { n: 7, f: 2 };

  it('is unknown until all but a quorum’s correct part have answered', () => {
    expect(boundOf([], four)).toBeUndefined();
    expect(boundOf([9], four)).toBeUndefined();
    expect(boundOf([9, 12], four)).toBe(12);
    expect(boundOf([9, 12, 30], four)).toBe(12);
    expect(boundOf([1, 2, 3], seven)).toBeUndefined();
    expect(boundOf([1, 2, 3, 4], seven)).toBe(4);
  });

  it('is not for one liar to say, once the correct have answered', () => {
    const liar = 2 ** 40;
    expect(boundOf([5, 6, 7, 8, liar], seven)).toBe(8);
    expect(boundOf([5, 6, 7, 8, 9, liar], seven)).toBe(8);
    expect(boundOf([liar, 5, 0, 0, 0, 0], seven)).toBe(0);
  });

  it('is nowhere where not even one may fail', () => {
    expect(boundOf([4, 4, 4], { n: 4, f: 0 })).toBeUndefined();
    expect(boundOf([], { n: 1, f: 0 })).toBeUndefined();
  });
});

describe.each(Object.entries(engines))(
  'a replica of %s that has lost its store',
  (_name, engine) => {
    const open = (seed = 1, options = {}) =>
      new OrderingRig<Engine>(engine, { seed, options: { batchDelayMs: 0, ...options } });

    function load(rig: OrderingRig<Engine>, replicas: readonly number[], count: number): number {
      const first = rig.history(replicas[0] ?? 0).length;
      for (let number = 1; number <= count; number += 1) {
        for (const replica of replicas) rig.submit(replica, `c${replica}-${first}`, number);
      }
      return first + replicas.length * count;
    }

    it.each([0, 1, 2, 3])(
      'takes part again: replica %i, without load, and others may fail',
      (lost) => {
        const rig = open();
        const broken = watchWords(rig);
        const others = [0, 1, 2, 3].filter((replica) => replica !== lost);
        rig.runUntil(
          (
            (applied) => () =>
              rig.haveApplied(applied)
          )(load(rig, [0, 1, 2, 3], 3)),
        );
        rig.loseStore(lost);
        expect(rig.engine(lost).isLost).toBe(true);
        rig.runUntil(() => !rig.engine(lost).isLost);
        for (const other of others) {
          rig.crash(other);
          const up = [0, 1, 2, 3].filter((replica) => replica !== other);
          const applied = load(rig, up, 2);
          rig.runUntil(() => rig.haveApplied(applied, up));
          rig.start(other);
          rig.runUntil(() => rig.haveApplied(applied));
        }
        rig.checkOrder();
        expect(broken).toEqual([]);
      },
    );

    it('signs nothing while too few have told it how far they were', () => {
      const rig = open();
      rig.runUntil(
        (
          (applied) => () =>
            rig.haveApplied(applied)
        )(load(rig, [0, 1, 2, 3], 2)),
      );
      const signed = new Set<string>();
      rig.tamper = (from, to, message) => {
        const kinds = ['proposal', 'report', 'phase', 'pre-prepare', 'view-change'];
        const isOwn = [...kinds, 'two-step-view-change', 'confirmation'].includes(message.kind);
        // It may hand on what others have signed.
        const author =
          message.kind === 'proposal'
            ? message.proposal.statement.replica
            : message.kind === 'report'
              ? message.report.statement.replica
              : from;
        if (from === 3 && author === 3 && isOwn) signed.add(message.kind);
        return message.kind === 'reach' && to === 3 && from !== 0 ? [] : [message];
      };
      rig.loseStore(3);
      const applied = load(rig, [0, 1, 2], 5);
      rig.runUntil(() => rig.haveApplied(applied));
      rig.runFor(10_000);
      expect(rig.engine(3).isLost).toBe(true);
      expect([...signed]).toEqual([]);
      rig.tamper = (_from, _to, message) => [message];
      rig.runUntil(() => !rig.engine(3).isLost);
    });

    it('believes no answer to another question', () => {
      const rig = open();
      rig.runUntil(
        (
          (applied) => () =>
            rig.haveApplied(applied)
        )(load(rig, [0, 1, 2, 3], 2)),
      );
      const old: [number, OrderingMessage][] = [];
      rig.tamper = (from, to, message) => {
        if (to === 3 && message.kind === 'reach') old.push([from, message]);
        return to === 3 && message.kind === 'reach' ? [] : [message];
      };
      rig.loseStore(3);
      rig.runFor(1000);
      rig.loseStore(3);
      for (const [from, message] of old.splice(0)) rig.transmit(from, 3, message);
      rig.runFor(1000);
      expect(rig.engine(3).isLost).toBe(true);
    });

    it('goes on where it was after a restart', () => {
      const rig = open();
      const broken = watchWords(rig);
      rig.runUntil(
        (
          (applied) => () =>
            rig.haveApplied(applied)
        )(load(rig, [0, 1, 2, 3], 2)),
      );
      rig.loseStore(3);
      for (const afterMs of [3, 40, 300, 1700]) {
        rig.runFor(afterMs);
        rig.crash(3);
        rig.start(3);
      }
      rig.runUntil(() => !rig.engine(3).isLost);
      rig.crash(3);
      rig.start(3);
      expect(rig.engine(3).isLost).toBe(false);
      expect(broken).toEqual([]);
    });

    it('is not answered by another that has lost its own, and both come back', () => {
      const rig = new OrderingRig<Engine>(engine, { n: 7, f: 2, options: { batchDelayMs: 0 } });
      rig.runUntil(
        (
          (applied) => () =>
            rig.haveApplied(applied)
        )(load(rig, [0, 1, 2, 3], 2)),
      );
      const answered = new Set<number>();
      rig.tamper = (from, to, message) => {
        const isLost = [5, 6].includes(from) && rig.engine(from).isLost;
        if (message.kind === 'reach' && isLost) answered.add(to);
        return [message];
      };
      rig.loseStore(5);
      rig.loseStore(6);
      rig.runFor(20);
      expect([...answered]).toEqual([]);
      rig.tamper = (_from, _to, message) => [message];
      rig.runUntil(() => [5, 6].every((replica) => !rig.engine(replica).isLost));
      rig.checkOrder();
    });

    it('is one of several, one after the other, in the midst of everything, and nothing is split', () => {
      for (let seed = 1; seed <= 4; seed += 1) {
        const rig = open(seed, { checkpointInterval: 8 });
        const broken = watchWords(rig);
        let number = 0;
        const submit = (): void => {
          number += 1;
          for (const replica of rig.alive) rig.submit(replica, `c${replica}`, number);
          if (number < 80) rig.after(20 + rig.random() * 60, submit);
        };
        submit();
        rig.lossRate = 0.05;
        for (const lost of [seed % 4, (seed + 1) % 4, (seed + 2) % 4, (seed + 3) % 4]) {
          rig.runFor(20 + rig.random() * 200);
          rig.loseStore(lost);
          rig.runUntil(() => !rig.engine(lost).isLost);
        }
        rig.lossRate = 0;
        rig.checkOrder();
        expect(broken).toEqual([]);
      }
    });
  },
);

describe('a view change of a replica that has come back', () => {
  const entry = (sequence: number, preparedIn?: number, committedIn?: number) => {
    const prepared = { prePrepare: { statement: { view: preparedIn } } };
    const committed = { statement: { view: committedIn } };
    const of = { sequence, ...(preparedIn !== undefined && { prepared }) };
    return { ...of, ...(committedIn !== undefined && { committed }) } as unknown as LogEntry;
  };

  it('shows what it has executed without having prepared it, in that view', () => {
    const executed = entry(1, undefined, 2);
    const later = entry(2, 1, 2);
    const usual = entry(3, 2, 2);
    const prepared = entry(4, 2);
    const shown = evidenceIn([prepared, usual, later, executed]);
    expect(shown.committed).toEqual([executed.committed, later.committed]);
    expect(shown.prepared).toEqual([later.prepared, usual.prepared, prepared.prepared]);
  });
});

describe('a replica that says that it has lost its store', () => {
  it('costs the others a few views a minute, and no more', () => {
    const rig = new OrderingRig<PbftEngine>((own, machine) => new PbftEngine(own, machine));
    const nonce = '00'.repeat(32) as never;
    const ask = (count: number): void => {
      for (let times = 0; times < count; times += 1) {
        for (const to of [0, 1, 2]) {
          const message = { kind: 'lost', scope: 'pbft', nonce, position: 0 } as const;
          rig.transmit(3, to, { ...message, view: (2 ** 40) as View });
        }
        rig.runFor(4000);
      }
    };
    ask(12);
    expect(rig.engine(0).view).toBe(4);
    rig.runFor(60_000);
    ask(1);
    expect(rig.engine(0).view).toBe(5);
  });
});
