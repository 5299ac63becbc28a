import { expect, it } from 'vitest';
import { roundTripMs } from '../../bench/simulated/regions.js';
import type { AgreementName } from '../../src/kernel/cluster.js';
import { Story } from '../support/banking-story.js';
import { Rig } from '../support/rig.js';

/** One-way, between coordinators in the first regions of Antipaxos' table 2. */
const onTheWayMs = (from: number, to: number) => roundTripMs(from, to) / 2;

interface Taken {
  /** From the requests to the transaction id at the primary. */
  readonly activationMs: number;
  /** From the last vote to the outcome at the primary. */
  readonly outcomeMs: number;
}

/** Both agreements of a transfer. The banks answer Prepare as soon as a bank next to the second coordinator could. */
function transfer(agreement: AgreementName): Taken {
  const rig = new Rig({ agreement });
  const story = new Story(rig);
  rig.delayMs = onTheWayMs;
  const start = rig.nowMs;
  story.ask();
  rig.runUntil(() => story.activated.get(story.transactionOf() as never)?.has(0) === true);
  const activationMs = rig.nowMs - start;
  const tid = story.activate();
  story.register(tid, 'bank-a');
  story.register(tid, 'bank-b');
  rig.runFor(2000);
  story.voteReaches = () => false;
  story.complete(tid, 'commit');
  rig.runFor(roundTripMs(0, 1));
  story.voteReaches = () => true;
  const voted = rig.nowMs;
  for (const registration of story.registrations) story.vote(registration, 'prepared');
  rig.runUntil(() => story.outcomeAt(0, tid) !== undefined);
  return { activationMs, outcomeMs: rig.nowMs - voted };
}

it('over a wide area the two agreements of a transfer take a fifth less in two steps than in three', () => {
  const [three, two] = [transfer('three-phase'), transfer('two-step')];
  expect({ three, two }).toMatchInlineSnapshot(`
    {
      "three": {
        "activationMs": 337,
        "outcomeMs": 214,
      },
      "two": {
        "activationMs": 246,
        "outcomeMs": 123,
      },
    }
  `);
  const sum = ({ activationMs, outcomeMs }: Taken) => activationMs + outcomeMs;
  expect(sum(two)).toBeLessThanOrEqual(0.8 * sum(three));
});
