import { describe, expect, it } from 'vitest';
import { ballot, isLocked, openScene, propose, sign } from './scene.js';

describe('a primary that proposes two values at one ballot', () => {
  it.each([
    [[1], [2, 3]],
    [[1, 2], [3]],
    [[1, 2, 3], []],
    [[], [1, 2, 3]],
  ])('commit to %s, abort to %s: one decision, by all', (toCommit, toAbort) => {
    const scene = openScene();
    const { rig, story, commit, abort, tid } = scene;
    rig.crash(0);
    propose(scene, toCommit, commit);
    propose(scene, toAbort, abort);
    story.outcome(tid);
  });

  it('both to everybody, in any order: one decision, by all', () => {
    const scene = openScene();
    const { rig, story, commit, abort, tid } = scene;
    rig.crash(0);
    propose(scene, [1, 2, 3], commit);
    propose(scene, [3, 2, 1], abort);
    story.outcome(tid);
  });

  it('and signs prepares and commits for both: one decision, by all', () => {
    const scene = openScene();
    const { rig, story, evidence, commit, abort, tid } = scene;
    rig.crash(0);
    propose(scene, [1], commit);
    propose(scene, [2, 3], abort);
    for (const value of [commit, abort]) sign(scene, 0, [1, 2, 3], evidence.phase('commit', value));
    story.outcome(tid);
    expect(story.outcomeAt(1, tid)).toBe('abort');
  });

  it('at n = 7 with a second Byzantine replica that helps: one decision, by all', () => {
    const scene = openScene({ n: 7, f: 2 });
    const { rig, story, evidence, commit, abort, tid } = scene;
    rig.crash(0);
    rig.crash(6);
    propose(scene, [1, 2, 3], commit);
    propose(scene, [4, 5], abort);
    for (const value of [commit, abort]) {
      sign(scene, 6, [1, 2, 3, 4, 5], evidence.phase('prepare', value));
      for (const byzantine of [0, 6]) {
        sign(scene, byzantine, [1, 2, 3, 4, 5], evidence.phase('commit', value));
      }
    }
    story.outcome(tid);
  });
});

describe('a backup that votes for everything', () => {
  it('cannot make two decisions, nor stop the one', () => {
    const scene = openScene();
    const { rig, story, evidence, commit, abort, tid } = scene;
    rig.crash(3);
    for (const value of [abort, commit]) {
      for (const phase of ['prepare', 'commit'] as const) {
        for (const attempt of [0, 1, 2]) {
          sign(scene, 3, [0, 1, 2], evidence.phase(phase, value, ballot(0, attempt)));
        }
      }
    }
    story.complete(tid, 'commit');
    story.outcome(tid);
    expect(rig.core(0).status.view).toBe(0);
  });

  it('counts once, however often it speaks', () => {
    const scene = openScene({ n: 7, f: 2 });
    const { rig, evidence, commit, tid, story } = scene;
    for (const replica of [0, 2, 3, 4, 5, 6]) rig.crash(replica);
    propose(scene, [1], commit);
    for (const phase of ['prepare', 'commit'] as const) {
      for (let i = 0; i < 5; i += 1) sign(scene, 3, [1], evidence.phase(phase, commit));
    }
    rig.runFor(500);
    expect(isLocked(scene, 1)).toBe(false);
    expect(story.outcomeAt(1, tid)).toBeUndefined();
  });
});

describe('a ballot', () => {
  it('lower than the last vote gets no vote', () => {
    const scene = openScene();
    const { rig, commit, abort, tid } = scene;
    rig.crash(0);
    rig.latencyMaxMs = 1;
    const prepares: number[] = [];
    rig.tamper = (_from, _to, message) => {
      if (message.kind === 'phase') prepares.push(message.signed.statement.ballot.attempt);
      return [];
    };
    propose(scene, [1], commit, ballot(0, 2));
    propose(scene, [1], abort, ballot(0, 1));
    rig.runFor(20);
    expect(new Set(prepares)).toEqual(new Set([2]));
    expect(rig.stores[1]?.has(`voted/o:${tid}`)).toBe(true);
  });

  it('above the bound on attempts gets none either', () => {
    const scene = openScene();
    const { rig, commit, tid } = scene;
    rig.crash(0);
    propose(scene, [1], commit, ballot(0, 64));
    rig.runFor(20);
    expect(rig.stores[1]?.has(`voted/o:${tid}`)).toBe(false);
  });

  it('voted at before a crash gets the same vote or none after the restart', () => {
    const scene = openScene();
    const { rig, commit, abort, tid } = scene;
    for (const replica of [0, 2, 3]) rig.crash(replica);
    propose(scene, [1], commit);
    rig.runFor(20);
    const vote = rig.stores[1]?.get(`voted/o:${tid}`);
    expect(vote).toBeDefined();
    rig.crash(1);
    rig.start(1);
    const said: string[] = [];
    rig.tamper = (_from, _to, message) => {
      if (message.kind === 'phase') said.push(message.signed.statement.digest);
      return [];
    };
    propose(scene, [1], abort);
    rig.runFor(20);
    expect(said).toEqual([]);
    expect(rig.stores[1]?.get(`voted/o:${tid}`)).toEqual(vote);
    propose(scene, [1], commit);
    rig.runFor(20);
    expect(said).not.toEqual([]);
  });
});
