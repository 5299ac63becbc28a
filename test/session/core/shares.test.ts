import { describe, expect, it } from 'vitest';
import { clientId, replicaId } from '../../../src/kernel/ids.js';
import { heldLimits } from '../../../src/session/core/application.js';
import { SessionShares } from '../../../src/session/core/held-sessions.js';
import { SessionRig } from '../../support/session-rig.js';

const ofOwner = heldLimits.sessions / 4 / heldLimits.ownersInFull;

describe('places for what is not final', () => {
  it('are shared: a replica that takes all of its places takes none of the clients’', () => {
    const rig = new SessionRig();
    rig.tamperOrdering = () => [];
    const mallory = rig.parties.owner('mallory');
    for (let count = 0; count <= ofOwner; count += 1) {
      rig.transmit(3, 0, {
        kind: 'run',
        run: mallory.begin('words').call('put x 1'),
        receipts: [],
      });
    }
    rig.runUntil(() => rig.outputs[0]?.some((one) => isShareFull(one)) ?? false);
    expect(rig.core(0).metrics.open).toBe(ofOwner);
    const own = rig.parties.owner('alice').begin('words').call('put y 1');
    expect(rig.run(0, own)?.kind).toBe('answer');
    // Nor those of an owner whose sessions come by the same replica, or by another one.
    for (const [from, owner] of [
      [3, 'bob'],
      [2, 'mallory'],
    ] as const) {
      const before = rig.core(0).metrics.open;
      const run = rig.parties.owner(owner).begin('words').call('put z 1');
      rig.transmit(from, 0, { kind: 'run', run, receipts: [] });
      rig.runFor(10);
      expect(rig.core(0).metrics.open).toBe(before + 1);
    }
  });

  it('are shared: an owner at its limit is told so, and others notice nothing', () => {
    const rig = new SessionRig();
    rig.tamperOrdering = () => [];
    const mallory = rig.parties.owner('mallory');
    for (let count = 0; count < ofOwner; count += 1) {
      expect(rig.run(0, mallory.begin('words').call('put x 1'))?.kind).toBe('answer');
    }
    expect(rig.run(0, mallory.begin('words').call('put x 1'))).toMatchObject({
      refusal: {
        code: 'busy',
        retryAfterMs: 500,
        reason: 'the share of mallory is full: sessions that are not final yet',
      },
    });
    const run = rig.parties.owner('alice').begin('words').call('put y 1');
    expect(rig.run(0, run)?.kind).toBe('answer');
  });

  it('come back once what took them is final, also after a restart', () => {
    const rig = new SessionRig();
    const mallory = rig.parties.owner('mallory');
    const sessions = Array.from({ length: ofOwner }, () => mallory.begin('words'));
    for (const session of sessions) rig.run(0, session.call('put x 1'));
    rig.crash(0);
    rig.start(0);
    expect(rig.run(0, mallory.begin('words').call('put x 1'))?.kind).toBe('refused');
    rig.runUntil(() => rig.core(0).metrics.open === 0);
    expect(rig.run(0, mallory.begin('words').call('put x 1'))?.kind).toBe('answer');
  });

  it('count sessions, operations and bytes, of an owner and of all of a replica', () => {
    const shares = new SessionShares(4);
    const from = replicaId(1);
    const one = { sessions: 1, operations: 1, bytes: 100 };
    const share = heldLimits.sessions / 4;
    for (let index = 0; index < share; index += 1) {
      const owner = clientId(`owner-${index % 20}`);
      expect(shares.fullFor(from, owner, one)).toBeUndefined();
      shares.take(from, owner, one);
    }
    const full = shares.fullFor(from, clientId('another'), one);
    expect(full).toEqual({ of: 'replica', what: 'sessions' });
    expect(shares.fullFor(replicaId(2), clientId('another'), one)).toBeUndefined();
    const many = { sessions: 0, operations: heldLimits.operations, bytes: 0 };
    expect(shares.fullFor(from, clientId('x'), many)).toEqual({ of: 'owner', what: 'operations' });
    shares.giveBack(from, clientId('owner-0'), one);
    expect(shares.fullFor(from, clientId('another'), one)).toBeUndefined();
  });
});

function isShareFull(output: { readonly kind: string }): boolean {
  return output.kind === 'log' && 'event' in output && output.event === 'share-full';
}
