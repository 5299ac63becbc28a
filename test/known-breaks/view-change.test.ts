import { describe, expect, it } from 'vitest';
import type { PeerMessage } from '../../src/agreement/messages.js';
import { CoordinatorCore } from '../../src/transaction/coordinator/core/coordinator.js';
import { ballot, openScene, propose } from '../agreement/scene.js';
import { Story } from '../support/banking-story.js';
import { Evidence } from '../support/evidence.js';
import { Rig } from '../support/rig.js';
import { breaking, type CreateCore, leavingOut, messageIn } from './support/broken.js';

const viewsOf = (rig: Rig) => [...rig.alive].map((replica) => rig.core(replica).status.view);
const rigWith = (createCore?: CreateCore) => new Rig(createCore ? { createCore } : {});

describe('view-change messages that were not retransmitted', () => {
  /** The primary is dead, and what is said in the first six seconds of view changes gets lost. */
  function activate(createCore?: CreateCore): Rig {
    const rig = rigWith(createCore);
    rig.crash(0);
    rig.tamper = (_from, _to, message) =>
      message.kind === 'view-change' && rig.nowMs < 6000 ? [] : [message];
    new Story(rig).activate();
    return rig;
  }

  const saidOnce = breaking(() => {
    let highest = 0;
    return {
      does: (outputs) =>
        outputs.filter((output) => {
          const message = messageIn(output);
          if (message?.kind !== 'view-change') return true;
          const { view } = message.viewChange.statement;
          const isNew = view > highest;
          highest = Math.max(highest, view);
          return isNew;
        }),
    };
  });

  it('ours says them again until the view comes', () => {
    expect(viewsOf(activate())).toEqual([1, 1, 1]);
  });

  it('broken, said once: the cluster stands still for ever', () => {
    expect(() => activate(saidOnce)).toThrow('not reached');
  });
});

describe('an inactive view that was never entered again after state transfer', () => {
  /**
   * Replica 3 hears nothing, suspects alone, and then learns from a peer what was decided without it.
   * When replica 2 is down, the others need it.
   */
  function returns(createCore?: CreateCore): Rig {
    const rig = rigWith(createCore);
    const story = new Story(rig);
    let hasAsked = false;
    rig.tamper = (from, to, message) => {
      if (from === 3 && message.kind === 'view-change') hasAsked = true;
      return to === 3 ? [] : [message];
    };
    story.ask();
    rig.runUntil(() => hasAsked);
    rig.tamper = (_from, _to, message) => [message];
    story.activate();
    rig.crash(2);
    story.activate(2);
    return rig;
  }

  /** Castro and Liskov §4.4: who has asked for a view takes no part in the old one. */
  const staysInactive = breaking(() => {
    let isActive = true;
    const part: readonly PeerMessage['kind'][] = [
      'activation-pre-prepare',
      'pre-prepare-reply',
      'pre-prepare-update',
      'pre-prepare',
      'phase',
    ];
    return {
      hears: (input) => {
        const kind = messageIn(input)?.kind;
        if (kind === 'new-view') isActive = true;
        return kind && !isActive && part.includes(kind) ? undefined : input;
      },
      does: (outputs) => {
        if (outputs.some((output) => messageIn(output)?.kind === 'view-change')) isActive = false;
        return outputs;
      },
    };
  });

  it('ours goes on in the view that it is in', () => {
    expect(viewsOf(returns())).toEqual([0, 0, 0]);
  });

  it('broken, it stays out until all the others change the view', () => {
    expect(Math.max(...viewsOf(returns(staysInactive)))).toBeGreaterThan(0);
  });
});

describe('new-view messages that the backups did not recompute', () => {
  /** A new-view message shows a lock on commit, and its primary proposes abort. */
  function votesOf(createCore?: CreateCore): PeerMessage[] {
    const scene = openScene(createCore ? { createCore } : {});
    const { rig, evidence, commit, abort } = scene;
    for (const replica of [0, 1, 2]) rig.crash(replica);
    const locked = evidence.viewChange(2, 1, [evidence.prepared(commit)]);
    const newView = evidence.newView(1, [
      evidence.viewChange(0, 1),
      evidence.viewChange(1, 1),
      locked,
    ]);
    rig.transmit(1, 3, { kind: 'new-view', newView });
    rig.runFor(20);
    const votes: PeerMessage[] = [];
    rig.tamper = (_from, _to, message) => {
      if (message.kind === 'phase') votes.push(message);
      return [];
    };
    propose(scene, [3], abort, ballot(1));
    rig.runFor(20);
    return votes;
  }

  /** Believes the primary that nothing was locked. */
  const believes = breaking(() => ({
    hears: (input) => {
      const message = messageIn(input);
      if (input.kind !== 'peer' || message?.kind !== 'new-view') return input;
      const { newView } = message;
      const viewChanges = newView.statement.viewChanges.map((signed) => ({
        ...signed,
        statement: { ...signed.statement, prepared: [] },
      }));
      const shown = { ...newView, statement: { ...newView.statement, viewChanges } };
      return { ...input, message: { ...input.message, message: { ...message, newView: shown } } };
    },
  }));

  it('ours takes the lock from it, and refuses the proposal', () => {
    expect(votesOf()).toEqual([]);
  });

  it('broken, it votes against what may be decided', () => {
    expect(votesOf(believes)).not.toEqual([]);
  });
});

describe('a view changer that was not recovered from the log', () => {
  /** The first primary is dead for good; the others lose power in view 1. How long they need then. */
  function afterPowerLossMs(createCore?: CreateCore): number {
    const rig = rigWith(createCore);
    const story = new Story(rig);
    rig.crash(0);
    story.activate();
    for (const replica of [1, 2, 3]) rig.crash(replica);
    for (const replica of [1, 2, 3]) rig.start(replica);
    const { nowMs } = rig;
    story.activate(2);
    return rig.nowMs - nowMs;
  }

  const viewIsNotKept = leavingOut(({ kind, ...rest }) => {
    return kind === 'persist' && 'key' in rest && rest.key === 'new-view';
  });

  it('ours is in its view again at once', () => {
    expect(afterPowerLossMs()).toBeLessThan(1000);
  });

  it('broken, the dead primary has to be suspected again', () => {
    expect(afterPowerLossMs(viewIsNotKept)).toBeGreaterThan(2000);
  });
});

describe('view-change storms', () => {
  /** One liar asks for one view after the other. The highest view that it brings about. */
  function highestView(createCore?: CreateCore): number {
    const rig = rigWith(createCore);
    const evidence = new Evidence(rig.parties);
    rig.crash(3);
    for (let view = 1; view <= 20; view += 1) {
      const viewChange = evidence.viewChange(3, view);
      for (const to of [0, 1, 2]) rig.transmit(3, to, { kind: 'view-change', viewChange });
      rig.runFor(100);
    }
    return Math.max(...viewsOf(rig));
  }

  /** The quorum of four replicas is three for f = 0 too, and one is enough to be joined. */
  const joinsOne: CreateCore = (options) =>
    new CoordinatorCore({ ...options, resilience: { n: 4, f: 0 } });

  it('ours joins f + 1, one of whom is correct', () => {
    expect(highestView()).toBe(0);
  });

  it('broken, one replica drives all the others through the views', () => {
    expect(highestView(joinsOne)).toBeGreaterThan(5);
  });
});
