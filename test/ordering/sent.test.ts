import { expect, it } from 'vitest';
import { costs } from '../../src/kernel/costs.js';
import type { ReplicaId } from '../../src/kernel/ids.js';
import { Keyring } from '../../src/kernel/keys.js';
import {
  digestOfCycleValue,
  rememberSent,
  signOrdering,
  verifyOrderingMessage,
} from '../../src/ordering/check-message.js';
import { cycleNumber, type ReportEntry } from '../../src/ordering/types.js';
import { testCluster } from '../support/keys.js';

const { cluster, replicaSign } = testCluster();
const [self, other] = [0, 1] as ReplicaId[] as [ReplicaId, ReplicaId];
const cycle = cycleNumber(1);
const value = { batch: [], readmit: [], complaints: [] };
const digest = digestOfCycleValue(value);
const proposal = signOrdering(replicaSign(self), cluster.id, {
  kind: 'proposal',
  scope: 'antipaxos',
  cycle,
  replica: self,
  digest,
});

/** Signatures that are checked for a report of another that repeats this; `undefined` where it is refused. */
function checked(keyring: Keyring, entry: ReportEntry): number | undefined {
  const entries = [entry, null, null, null];
  const report = signOrdering(replicaSign(other), cluster.id, {
    kind: 'report',
    scope: 'antipaxos',
    cycle,
    replica: other,
    entries,
  });
  const before = costs.statementsChecked;
  const message = { kind: 'report', scope: 'antipaxos', report } as const;
  const verified = verifyOrderingMessage(keyring, () => true, other, message);
  return verified.ok ? costs.statementsChecked - before : undefined;
}

it('checks a proposal that this process has sent, and no other, once less where others repeat it', () => {
  const { signature } = proposal;
  expect(checked(Keyring.of(cluster), { digest, signature })).toBe(2);
  const keyring = Keyring.of(cluster);
  rememberSent(keyring, { kind: 'proposal', scope: 'antipaxos', proposal, value });
  expect(checked(keyring, { digest, signature: signature.map((byte) => byte ^ 1) })).toBe(
    undefined,
  );
  expect(checked(keyring, { digest, signature })).toBe(1);
});
