import { describe, expect, it } from 'vitest';
import { highestPrepared } from '../../src/agreement/core/view-change.js';
import type { OutcomeValue, PreparedCertificate } from '../../src/agreement/messages.js';
import { ballot, openScene, propose, sign } from '../agreement/scene.js';

/**
 * Rules deep in the agreement. They are broken by text mutants (`test/mutants/list.ts`), each named at its
 * test, which must fail then: `npm run mutants`.
 */

describe('locks without unlocks', () => {
  it('gives way to the proof of a higher ballot, and all finish (mutant lock-never-gives-way)', () => {
    const scene = openScene();
    const { rig, story, evidence, commit, abort, tid } = scene;
    rig.crash(0);
    for (const to of [2, 3]) {
      rig.transmit(0, to, { kind: 'prepared', certificate: evidence.prepared(commit) });
    }
    const higher = evidence.prepared(abort, ballot(0, 1));
    rig.transmit(0, 1, { kind: 'prepared', certificate: higher });
    expect(story.outcome(tid)).toBe('abort');
  });
});

describe('a stale certificate that overrides a later one (Zyzzyva)', () => {
  it('counts for nothing once a higher one is known (mutant stale-lock-wins)', () => {
    const scene = openScene();
    const { rig, evidence, commit, abort, tid } = scene;
    for (const replica of [0, 2, 3]) rig.crash(replica);
    const lock = () => rig.stores[1]?.get(`lock/o:${tid}`);
    const higher = evidence.prepared(abort, ballot(0, 1));
    rig.transmit(0, 1, { kind: 'prepared', certificate: higher });
    rig.runFor(20);
    const before = lock();
    expect(before).toBeDefined();
    rig.transmit(0, 1, { kind: 'prepared', certificate: evidence.prepared(commit) });
    rig.runFor(20);
    expect(lock()).toEqual(before);
  });

  it('counts for nothing beside a higher one in a new view (mutant new-view-takes-any-lock)', () => {
    const { evidence, commit, abort } = openScene();
    const low = evidence.prepared(commit);
    const high = evidence.prepared(abort, ballot(0, 1));
    const shownOf = (...locks: PreparedCertificate[]) => [
      ...highestPrepared(
        locks.map((lock, index) => evidence.viewChange(index + 1, 1, [lock])),
      ).values(),
    ];
    expect(shownOf(low, high)).toEqual([high]);
    expect(shownOf(high, low)).toEqual([high]);
  });
});

describe('votes of different views that were counted together (FaB)', () => {
  it('makes no certificate of them (mutant ballots-not-compared)', () => {
    const scene = openScene();
    const { rig, story, evidence, commit, tid } = scene;
    for (const replica of [0, 2, 3]) rig.crash(replica);
    propose(scene, [1], commit);
    for (const from of [2, 3]) {
      sign(scene, from, [1], evidence.phase('prepare', commit, ballot(0, from)));
      sign(scene, from, [1], evidence.phase('commit', commit, ballot(0, from)));
    }
    sign(scene, 0, [1], evidence.phase('commit', commit, ballot(0, 1)));
    rig.runFor(100);
    expect(rig.stores[1]?.has(`lock/o:${tid}`)).toBe(false);
    expect(story.outcomeAt(1, tid)).toBeUndefined();
  });

  it('decides one and the same value for ever (all the ways above at once)', () => {
    const scene = openScene();
    const { rig, story, evidence, tid } = scene;
    const values: readonly OutcomeValue[] = [scene.commit, scene.abort];
    rig.crash(0);
    for (const [attempt, value] of [...values, ...values].entries()) {
      propose(scene, [1, 2, 3], value, ballot(0, attempt));
      sign(scene, 0, [1, 2, 3], evidence.phase('commit', value, ballot(0, attempt)));
    }
    expect(story.outcome(tid)).toBeDefined();
  });
});
