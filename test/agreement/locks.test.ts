import { describe, expect, it } from 'vitest';
import type { PhaseStatement } from '../../src/agreement/messages.js';
import type { Rig } from '../support/rig.js';
import { ballot, isLocked, openScene, propose, type Scene, sign } from './scene.js';

/** Locks the given replicas, and no others, on commit at ballot (0, 0). Nobody hears a commit. */
function lock(scene: Scene, replicas: readonly number[]): void {
  const { rig, evidence, commit } = scene;
  rig.tamper = () => [];
  propose(scene, replicas, commit);
  for (const from of [1, 2, 3]) sign(scene, from, replicas, evidence.phase('prepare', commit));
  rig.runFor(20);
  expect([1, 2, 3].filter((replica) => isLocked(scene, replica))).toEqual(replicas);
}

function votesFor(rig: Rig): PhaseStatement[] {
  const votes: PhaseStatement[] = [];
  rig.tamper = (_from, _to, message) => {
    if (message.kind === 'phase') votes.push(message.signed.statement);
    return [message];
  };
  return votes;
}

describe('a lock', () => {
  it('at one replica: the new primary, which would abort, proposes the locked value', () => {
    const scene = openScene();
    const { rig, story, tid } = scene;
    rig.crash(0);
    lock(scene, [2]);
    // Nobody else sees what the old primary proposed.
    rig.tamper = (_from, _to, message) =>
      message.kind === 'pre-prepare' && message.prePrepare.statement.ballot.view === 0
        ? []
        : [message];
    for (const registration of story.registrations) story.vote(registration, 'aborted', [1, 3]);
    expect(story.outcome(tid)).toBe('commit');
    expect(rig.core(1).status.view).toBe(1);
  });

  it('at f + 1 replicas: so too', () => {
    const scene = openScene();
    const { rig, story, tid } = scene;
    rig.crash(0);
    lock(scene, [2, 3]);
    rig.tamper = (_from, _to, message) => [message];
    for (const registration of story.registrations) story.vote(registration, 'aborted', [1]);
    expect(story.outcome(tid)).toBe('commit');
  });

  it('holds against another value at a higher ballot', () => {
    const scene = openScene();
    const { rig, abort, commit, evidence } = scene;
    rig.crash(0);
    lock(scene, [1, 2, 3]);
    const votes = votesFor(rig);
    propose(scene, [1, 2, 3], abort, ballot(0, 1));
    rig.runFor(500);
    expect(votes).toEqual([]);
    propose(scene, [1, 2, 3], commit, ballot(0, 2));
    rig.runFor(20);
    const { digest } = evidence.phase('prepare', commit);
    expect(new Set(votes.map((vote) => vote.digest))).toEqual(new Set([digest]));
  });

  it('outlives a restart', () => {
    const scene = openScene();
    const { rig, abort, story, tid } = scene;
    rig.crash(0);
    lock(scene, [1, 2, 3]);
    for (const replica of [1, 2, 3]) rig.crash(replica);
    for (const replica of [1, 2, 3]) rig.start(replica);
    const votes = votesFor(rig);
    propose(scene, [1, 2, 3], abort, ballot(0, 1));
    rig.runFor(500);
    expect(votes).toEqual([]);
    expect(story.outcome(tid)).toBe('commit');
  });

  it('keeps a replica from saying its own earlier vote for another value again', () => {
    const scene = openScene();
    const { rig, evidence, abort, commit, tid } = scene;
    rig.crash(0);
    rig.tamper = () => [];
    propose(scene, [2], commit);
    rig.runFor(20);
    expect(rig.stores[2]?.has(`voted/o:${tid}`)).toBe(true);
    rig.transmit(1, 2, { kind: 'prepared', certificate: evidence.prepared(abort, ballot(0, 1)) });
    rig.runFor(20);
    rig.crash(2);
    rig.start(2);
    const { digest } = evidence.phase('prepare', commit);
    const votes = votesFor(rig);
    propose(scene, [2], commit);
    rig.runFor(20);
    expect(rig.alive.has(2)).toBe(true);
    expect(votes.filter((vote) => vote.digest === digest)).toEqual([]);
  });

  it('is shown to a primary that does not know of it, which then proposes its value', () => {
    const scene = openScene();
    const { rig, story, evidence, commit, tid } = scene;
    rig.crash(0);
    story.activate(2);
    expect(rig.core(1).status.view).toBe(1);
    rig.transmit(3, 2, { kind: 'prepared', certificate: evidence.prepared(commit) });
    rig.runFor(20);
    const { nowMs } = rig;
    for (const registration of story.registrations) story.vote(registration, 'aborted', [1, 3]);
    expect(story.outcome(tid)).toBe('commit');
    expect(rig.nowMs - nowMs).toBeLessThan(100);
    expect(rig.core(1).status.view).toBe(1);
  });

  it('gives way to one of a higher ballot, and to no lower one', () => {
    const scene = openScene();
    const { rig, evidence, abort, commit, tid } = scene;
    rig.crash(0);
    lock(scene, [2]);
    const locked = () => rig.stores[2]?.get(`lock/o:${tid}`);
    const first = locked();
    const higher = evidence.prepared(abort, ballot(0, 1));
    rig.transmit(1, 2, { kind: 'prepared', certificate: higher });
    rig.runFor(20);
    const second = locked();
    expect(second).not.toEqual(first);
    rig.transmit(1, 2, { kind: 'prepared', certificate: evidence.prepared(commit) });
    rig.runFor(20);
    expect(locked()).toEqual(second);
  });

  it('of a higher ballot that the new primary holds wins over lower ones at the backups', () => {
    const scene = openScene();
    const { rig, evidence, story, abort, commit, tid } = scene;
    rig.crash(0);
    rig.transmit(0, 2, { kind: 'prepared', certificate: evidence.prepared(commit) });
    rig.transmit(0, 3, { kind: 'prepared', certificate: evidence.prepared(commit) });
    rig.tamper = (from, _to, message) =>
      from === 1 && message.kind === 'view-change'
        ? [{ ...message, viewChange: evidence.viewChange(1, 1) }]
        : message.kind === 'view-change' || message.kind === 'new-view'
          ? [message]
          : [];
    const higher = evidence.prepared(abort, ballot(0, 1));
    rig.transmit(0, 1, { kind: 'prepared', certificate: higher });
    rig.runUntil(() => [1, 2, 3].every((replica) => rig.core(replica).status.view >= 1));
    rig.tamper = (_from, _to, message) => [message];
    expect(story.outcome(tid)).toBe('abort');
  });

  it('on a transaction that is not known here is not kept', () => {
    const scene = openScene();
    const { rig, evidence } = scene;
    const certificate = evidence.prepared(evidence.commitValue());
    rig.transmit(3, 1, { kind: 'prepared', certificate });
    const viewChange = evidence.viewChange(3, 1, [certificate]);
    rig.transmit(3, 1, { kind: 'view-change', viewChange });
    rig.runFor(60_000);
    expect([...(rig.stores[1]?.keys() ?? [])].filter((key) => key.startsWith('lock/'))).toEqual([]);
    expect(rig.core(1).status.view).toBe(0);
  });
});
