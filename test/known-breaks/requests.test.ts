import { describe, expect, it } from 'vitest';
import { verifyStatement } from '../../src/agreement/check-message.js';
import type { ActivationStatement } from '../../src/agreement/statements.js';
import type { Signed, Verified } from '../../src/kernel/signed.js';
import { Story } from '../support/banking-story.js';
import { Evidence } from '../support/evidence.js';
import { Rig } from '../support/rig.js';
import { breaking, type CreateCore } from './support/broken.js';

const viewsOf = (rig: Rig) => [...rig.alive].map((replica) => rig.core(replica).status.view);

describe('PBFT with MACs: a half-valid authenticator stops everything (Aardvark)', () => {
  type Check = (
    rig: Rig,
    replica: number,
    signed: Signed<ActivationStatement>,
  ) => Verified<ActivationStatement> | undefined;

  /** A lying initiator authenticates its request so that only the primary can take it for good. */
  function viewsAfterwards(check: Check): number[] {
    const rig = new Rig();
    const story = new Story(rig);
    const request = new Evidence(rig.parties).request(0, story.activationStatement(0));
    const halfValid = { ...request, signature: new Uint8Array(64) };
    for (const replica of rig.alive) {
      const statement = check(rig, replica, halfValid);
      if (statement) rig.input(replica, { kind: 'activate', statement, replyId: `${replica}/0/1` });
    }
    story.ask(1, [1]);
    rig.runFor(100);
    story.ask(1, [2]);
    rig.runUntil(() => story.transactionOf() !== undefined);
    rig.runFor(5000);
    return viewsOf(rig);
  }

  /** Everybody checks the same signature. */
  const ours: Check = (rig, _replica, signed) => {
    const result = verifyStatement(rig.parties.keyring, signed);
    return result.ok ? result.value : undefined;
  };

  /** Each replica checks its own entry of a vector of MACs; that of replica 0 is good. */
  const byMac: Check = (_rig, replica, signed) =>
    replica === 0 ? (signed as Verified<ActivationStatement>) : undefined;

  it('ours: no replica takes it, and the honest initiators are served in the same view', () => {
    expect(viewsAfterwards(ours)).toEqual([0, 0, 0, 0]);
  });

  it('broken, each checks a part of its own: a correct primary is voted out', () => {
    expect(Math.max(...viewsAfterwards(byMac))).toBeGreaterThan(0);
  });
});

describe('a primary that starves one client while it serves the others', () => {
  /** One request never reaches the primary; another one is decided every second. */
  function isServedWithin(limitMs: number, createCore?: CreateCore): boolean {
    const rig = new Rig(createCore ? { createCore } : {});
    const story = new Story(rig);
    rig.tamper = (_from, to, message) =>
      to === 0 && message.kind === 'requests' && rig.core(0).status.view === 0 ? [] : [message];
    story.ask(1, story.initiators, [1, 2, 3]);
    for (let timestamp = 2; rig.nowMs < limitMs; timestamp += 1) {
      story.ask(timestamp);
      rig.runFor(1000);
    }
    return story.transactionOf(1) !== undefined;
  }

  /** One timer for the primary, not one for each request: every decision starts it anew. */
  const oneTimerForAll = breaking(({ suspectAfterMs }) => {
    const running = new Set<string>();
    return {
      does: (outputs) => {
        for (const output of outputs) {
          if (output.kind === 'start-timer' && output.name.startsWith('agreement/suspect/')) {
            running.add(output.name);
          } else if (output.kind === 'stop-timer') running.delete(output.name);
        }
        const decides = outputs.some(
          (output) => output.kind === 'persist' && output.key.startsWith('decided/'),
        );
        if (!decides) return outputs;
        const again = [...running].map(
          (name) => ({ kind: 'start-timer', name, delayMs: suspectAfterMs }) as const,
        );
        return [...outputs, ...again];
      },
    };
  });

  it('ours watches each request: the view changes and it is served', () => {
    expect(isServedWithin(10_000)).toBe(true);
  });

  it('broken, one timer that every decision starts anew: it waits for as long as others ask', () => {
    expect(isServedWithin(30_000, oneTimerForAll)).toBe(false);
  });
});
