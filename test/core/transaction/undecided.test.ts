import { expect, it } from 'vitest';
import type { CoordinatorTransaction } from '../../../src/core/transaction/coordinator-transaction.js';
import { Undecided } from '../../../src/core/transaction/undecided.js';
import { clientId, transactionId } from '../../../src/vocabulary/ids.js';
import { Story } from '../../support/banking-story.js';
import { Rig } from '../../support/rig.js';

const transaction = (index: number, client: string) =>
  ({
    tid: transactionId(`00000000-0000-8000-8000-${String(index).padStart(12, '0')}`),
    activation: { client: clientId(client) },
  }) as CoordinatorTransaction;

it('counts for each principal, all its lanes together, and each transaction once', () => {
  const undecided = new Undecided();
  const all = [transaction(1, 'alice'), transaction(2, 'alice/1'), transaction(3, 'bob')];
  for (const one of all) undecided.created(one);
  expect(undecided.of(clientId('alice/7'))).toEqual({ all: 3, own: 2 });
  undecided.ended(transaction(1, 'alice').tid);
  undecided.ended(transaction(1, 'alice').tid);
  expect(undecided.of(clientId('alice'))).toEqual({ all: 2, own: 1 });
  expect(undecided.of(clientId('carol'))).toEqual({ all: 2, own: 0 });
});

it('gives a client’s places back when its transactions are decided, also those before a restart', () => {
  const rig = new Rig({ n: 1, f: 0 });
  const story = new Story(rig);
  const placesOfAlice = 1000;
  for (let timestamp = 1; timestamp <= placesOfAlice; timestamp += 1) story.activate(timestamp);
  story.ask(placesOfAlice + 1);
  expect(story.refusals).toMatchObject([{ reason: 'too many open transactions of this client' }]);
  const decide = (timestamp: number) => {
    const tid = story.transactionOf(timestamp);
    if (tid) story.complete(tid, 'rollback');
    if (tid) expect(story.outcome(tid)).toBe('abort');
  };
  decide(1);
  rig.crash(0);
  rig.start(0);
  story.activate(placesOfAlice + 2);
  story.ask(placesOfAlice + 3);
  expect(story.refusals).toHaveLength(2);
  decide(2);
  story.activate(placesOfAlice + 4);
  expect(story.refusals).toHaveLength(2);
}, 60_000);
