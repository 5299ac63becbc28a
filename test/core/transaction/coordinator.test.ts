import { describe, expect, it } from 'vitest';
import { Story } from '../../support/banking-story.js';
import { Rig } from '../../support/rig.js';

describe('a transaction at four coordinator replicas', () => {
  it('commits when every participant is prepared', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const tid = story.activate();
    const a = story.register(tid, 'bank-a');
    const b = story.register(tid, 'bank-b');
    story.complete(tid, 'commit');
    rig.runUntil(() => story.isDecided(tid));
    rig.runFor(5000);
    expect(story.heard).toEqual(
      new Map([
        [a, 'commit'],
        [b, 'commit'],
      ]),
    );
    expect(story.initiatorHeard.get(0 as never)).toEqual(new Set(['commit']));
    expect(rig.refused).toEqual([]);
  });
});
