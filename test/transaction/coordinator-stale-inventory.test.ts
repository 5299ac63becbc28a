import { describe, expect, it } from 'vitest';
import type { PeerMessage } from '../../src/agreement/messages.js';
import { Story } from '../support/banking-story.js';
import { Rig } from '../support/rig.js';

describe('an inventory', () => {
  it('that answers an earlier question does not count: what came since is not in it', () => {
    const rig = new Rig();
    const story = new Story(rig);
    const old: { readonly from: number; readonly message: PeerMessage }[] = [];
    rig.tamper = (from, to, message) => {
      if (to === 3 && message.kind === 'inventory') old.push({ from, message });
      return [message];
    };
    rig.loseDisk(3);
    rig.start(3);
    rig.runUntil(() => !rig.core(3).status.recovering);
    expect(new Set(old.map(({ from }) => from))).toEqual(new Set([0, 1, 2]));
    // It takes part in a transaction, and loses its disk again. Only old answers reach it.
    story.transfer();
    rig.tamper = (_from, _to, message) => (message.kind === 'inventory' ? [] : [message]);
    rig.loseDisk(3);
    rig.start(3);
    for (const { from, message } of old) rig.transmit(from, 3, message);
    rig.runFor(5000);
    expect(rig.core(3).status.recovering).toBe(true);
  });
});
