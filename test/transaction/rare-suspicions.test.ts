import { describe, expect, it } from 'vitest';
import type { PeerMessage } from '../../src/agreement/messages.js';
import type { TransactionId } from '../../src/kernel/ids.js';
import { Story } from '../support/banking-story.js';
import { Rig } from '../support/rig.js';

const having = [0, 1, 3];
const MINUTE_MS = 60_000;

/**
 * Replicas 0, 1 and 3 have the client's first transaction, whose bank has prepared. Replica 2 missed it, and has
 * forgotten the second. Then replica 1 loses its disk, and abstains from the first.
 */
function withoutQuorum() {
  const rig = new Rig({ retainedTransactions: 0, shownTransactions: 256 });
  const story = new Story(rig);
  rig.tamper = (from, to, message) => (from === 2 || to === 2 ? [] : [message]);
  story.voteReaches = () => false;
  story.ask(1, story.initiators, having);
  rig.runUntil(() => isActivated(story, 1, having));
  const first = story.transactionOf(1) as TransactionId;
  story.register(first, 'bank-a', { at: having });
  story.complete(first, 'commit', { at: having });
  rig.runFor(200);
  rig.tamper = (_from, to, message) => (to === 2 && !isOfSecond(message) ? [] : [message]);
  story.ask(2);
  rig.runUntil(() => isActivated(story, 2, [0, 1, 2, 3]));
  story.complete(story.transactionOf(2) as TransactionId, 'rollback');
  rig.runUntil(() => rig.stores[2]?.has('floor/alice') === true);
  rig.loseDisk(1);
  rig.tamper = (_from, _to, message) => [message];
  rig.start(1);
  rig.runUntil(() => !rig.core(1).status.recovering);
  return { rig, story, first };
}

function isActivated(story: Story, timestamp: number, at: readonly number[]): boolean {
  const tid = story.transactionOf(timestamp);
  return tid !== undefined && at.every((one) => story.activated.get(tid)?.has(one));
}

/** Not of the first, as far as a message shows it. */
function isOfSecond(message: PeerMessage): boolean {
  const text = JSON.stringify(message, (_key, value) =>
    value instanceof Uint8Array ? undefined : value,
  );
  return message.kind !== 'inventory' && !text.includes('"timestamp":1,');
}

describe('a transaction that no quorum can decide any more', () => {
  it('makes the others blame a primary ever more rarely', () => {
    const { rig, story, first } = withoutQuorum();
    story.voteReaches = () => true;
    const [registration] = story.registrations;
    if (registration) story.vote(registration, 'prepared');
    const viewAfter = (durationMs: number) => {
      rig.runFor(durationMs);
      return rig.core(0).status.view;
    };
    const early = viewAfter(20 * MINUTE_MS);
    expect(story.outcomeAt(0, first)).toBeUndefined();
    expect(viewAfter(40 * MINUTE_MS) - early).toBeLessThan(3);
    // All else goes on.
    story.transfer(3);
    rig.runUntil(() => [...story.heard.values()].includes('commit'), 10_000);
  });
});
