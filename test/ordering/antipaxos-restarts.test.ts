import { describe, expect, it } from 'vitest';
import { AntipaxosEngine } from '../../src/ordering/core/antipaxos/engine.js';
import { OrderingRig } from '../support/ordering-rig.js';

function open(): OrderingRig<AntipaxosEngine> {
  return new OrderingRig(
    (own, machine) => new AntipaxosEngine({ exclusion: 'S2', timeoutMaxMs: 2000, ...own }, machine),
    { options: { batchDelayMs: 0 } },
  );
}

describe('a process that restarts', () => {
  it('has its phases’ time anew, and needs no message for that', () => {
    const rig = open();
    rig.crash(3);
    for (const replica of [0, 1, 2]) rig.submit(replica, `c${replica}`, 1);
    rig.runFor(50);
    rig.crash(2);
    rig.start(2);
    rig.runUntil(() => rig.haveApplied(3), 5000);
    rig.checkOrder();
  });

  it('says at once what it had on disk and had not said: its proposal before a report', () => {
    const rig = open();
    rig.onStep = (replica, outputs) => {
      const first = outputs.findIndex(({ kind }) => kind === 'broadcast');
      if (replica === 0 && first >= 0) rig.crashAfterOutputs(0, first);
    };
    rig.submit(0, 'a', 1);
    expect(rig.alive.has(0)).toBe(false);
    expect(rig.count('proposal')).toBe(0);
    rig.onStep = () => {};
    const said: string[] = [];
    rig.tamper = (from, _to, message) => {
      if (from === 0) said.push(message.kind);
      return [message];
    };
    rig.start(0);
    expect(said.slice(0, 3)).toEqual(['proposal', 'proposal', 'proposal']);
    rig.runUntil(() => rig.haveApplied(1), 200);
  });

  it('proposes in no cycle twice, even where its Decision Module decides at the start', () => {
    const rig = open();
    const digests = new Map<number, Set<string>>();
    rig.tamper = (from, _to, message) => {
      if (from === 0 && message.kind === 'proposal' && message.proposal.statement.replica === 0) {
        const { cycle, digest } = message.proposal.statement;
        digests.set(cycle, (digests.get(cycle) ?? new Set()).add(digest));
      }
      return [message];
    };
    let isCrashed = false;
    rig.onStep = (replica, outputs) => {
      const decided = outputs.findIndex(
        (output) => output.kind === 'persist' && output.key.startsWith('antipaxos/decided/'),
      );
      if (replica !== 0 || decided < 0 || isCrashed) return;
      isCrashed = true;
      rig.crashAfterOutputs(0, decided);
    };
    rig.crash(3);
    for (const number of [1, 2, 3]) rig.submit(0, 'a', number);
    rig.runUntil(() => isCrashed);
    rig.start(0);
    rig.submit(0, 'b', 1);
    rig.runUntil(() => rig.haveApplied(4));
    expect([...digests.values()].map(({ size }) => size)).toEqual([...digests].map(() => 1));
    rig.checkOrder();
  });

  /** What replica 1 proposes, by cycle; and where it ends once its proposal of the first has left. */
  function joining(rig: OrderingRig<AntipaxosEngine>): Map<number, Set<string>> {
    const digests = new Map<number, Set<string>>();
    rig.tamper = (from, _to, message) => {
      if (from === 1 && message.kind === 'proposal') {
        const { cycle, digest } = message.proposal.statement;
        digests.set(cycle, (digests.get(cycle) ?? new Set()).add(digest));
      }
      return [message];
    };
    rig.onStep = (replica, outputs) => {
      const proposal = outputs.findIndex(({ kind }) => kind === 'broadcast');
      if (replica !== 1 || proposal < 0) return;
      rig.onStep = () => {};
      rig.crashAfterOutputs(1, proposal + 1);
    };
    return digests;
  }

  it('proposes nothing else where it may have joined a cycle with nothing', () => {
    const rig = open();
    const digests = joining(rig);
    rig.submit(0, 'a', 1);
    rig.runUntil(() => !rig.alive.has(1));
    expect([...digests.keys()]).toEqual([1]);
    rig.start(1);
    rig.submit(1, 'b', 1);
    rig.runUntil(() => rig.haveApplied(2), 1000);
    expect([...digests.values()].map(({ size }) => size)).toEqual([...digests].map(() => 1));
    rig.checkOrder();
  });

  it('has on disk that it may join cycles, and writes nothing for each that it joins', () => {
    const rig = open();
    const written: string[] = [];
    rig.onStep = (replica, outputs) => {
      if (replica !== 1) return;
      for (const output of outputs) {
        if (output.kind === 'broadcast' && output.message.kind === 'proposal')
          written.push('proposal');
        if (output.kind === 'persist' && /value|joined/.test(output.key))
          written.push(output.key.replace(/antipaxos.([a-z]+).*/, '$1'));
      }
    };
    for (let number = 1; number <= 30; number += 1) {
      rig.submit(0, 'a', number);
      rig.runUntil(() => rig.haveApplied(number));
    }
    expect(written.slice(0, 2)).toEqual(['joined', 'proposal']);
    const values = ['value', 'value', 'value', 'value'];
    // Two values are the same, nothing; but one of each process is kept.
    const ofOneCycle = written.slice(2, written.indexOf('proposal', 2));
    expect(ofOneCycle).toEqual(values.slice(0, 2));
    expect(written.filter((what) => what === 'joined').length).toBeLessThanOrEqual(3);
  });
});
