import { describe, expect, it } from 'vitest';
import { quorum } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { Rig } from '../support/rig.js';

describe.each([
  { n: 1, f: 0 },
  { n: 2, f: 0 },
  { n: 5, f: 1 },
  { n: 6, f: 1 },
  { n: 7, f: 2 },
])('$n replicas of which $f may be faulty', ({ n, f }) => {
  it('commit, and as many signatures as ceil((n + f + 1) / 2) prove it', () => {
    const rig = new Rig({ n, f });
    const story = new Story(rig);
    const tid = story.transfer();
    expect(story.outcome(tid)).toBe('commit');
    rig.runFor(3000);
    expect([...story.heard.values()]).toEqual(['commit', 'commit']);
    const proof = rig.decision(0, { kind: 'outcome', tid });
    expect(proof?.commits.signatures.length).toBeGreaterThanOrEqual(quorum({ n, f }));
    expect(rig.refused).toEqual([]);
  });

  it.runIf(f > 0)('commit with f of them silent, the primary included', () => {
    const rig = new Rig({ n, f });
    const story = new Story(rig);
    for (let replica = 0; replica < f; replica += 1) rig.crash(replica);
    expect(story.outcome(story.transfer())).toBe('commit');
  });

  it('finish what was open when all of them restart', () => {
    const rig = new Rig({ n, f });
    const story = new Story(rig);
    const tid = story.activate();
    story.register(tid, 'bank-a');
    const replicas = [...rig.alive];
    for (const replica of replicas) rig.crash(replica);
    for (const replica of replicas) rig.start(replica);
    story.complete(tid, 'commit');
    expect(story.outcome(tid)).toBe('commit');
  });
});

it('a single replica that crashed between its lock and its decision finishes by itself', () => {
  for (let count = 1; count < 12; count += 1) {
    const rig = new Rig({ n: 1, f: 0 });
    const story = new Story(rig);
    const tid = story.activate();
    rig.crashAfterOutputs(0, count);
    story.complete(tid, 'rollback');
    rig.runFor(10);
    if (!rig.alive.has(0)) rig.start(0);
    story.complete(tid, 'rollback');
    expect(story.outcome(tid)).toBe('abort');
  }
});
