import type { AgreementName } from '../../src/kernel/cluster.js';
import { Story } from '../../test/support/banking-story.js';
import { Rig } from '../../test/support/rig.js';
import type { Latency } from './network.js';
import { wideArea } from './regions.js';

/** What the two agreements of a transfer take, in milliseconds of virtual time. */
export interface TransferLatency {
  /** From the requests to the transaction id at the primary. */
  readonly activationMs: number;
  /** From the last vote to the outcome at the primary. */
  readonly outcomeMs: number;
}

const preparing = 2000;

/**
 * Both agreements of a transfer by the production coordinators, in the first four regions of Antipaxos' table 2 unless
 * given. The banks answer Prepare as soon as a bank next to the second coordinator could; only ways between
 * coordinators take time.
 */
export function transferLatency(
  agreement: AgreementName,
  latency: Latency = wideArea,
): TransferLatency {
  const rig = new Rig({ agreement });
  const story = new Story(rig);
  rig.delayMs = latency;
  const start = rig.nowMs;
  story.ask();
  rig.runUntil(() => [...story.activated.values()].some((replicas) => replicas.has(0)));
  const activationMs = rig.nowMs - start;
  const tid = story.activate();
  story.register(tid, 'bank-a');
  story.register(tid, 'bank-b');
  rig.runFor(preparing);
  story.voteReaches = () => false;
  story.complete(tid, 'commit');
  rig.runFor(2 * latency(0, 1));
  story.voteReaches = () => true;
  const voted = rig.nowMs;
  for (const registration of story.registrations) story.vote(registration, 'prepared');
  rig.runUntil(() => story.outcomeAt(0, tid) !== undefined);
  return { activationMs, outcomeMs: rig.nowMs - voted };
}
