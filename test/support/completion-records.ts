import { signStatement } from '../../src/agreement/signing.js';
import { issueAuthority } from '../../src/kernel/config/x509.js';
import { costs } from '../../src/kernel/costs.js';
import { initiatorId, transactionId } from '../../src/kernel/ids.js';
import { testCluster } from './keys.js';

const { initiatorSign, ...test } = testCluster();
/** Its authority issued nothing: no envelope is looked at. */
export const cluster = { ...test.cluster, authority: issueAuthority('test').certificate };

/** A record that a replica passes on: a completion of initiator 0, signed by this one. */
export function record(number = 0, signer = 0) {
  const tid = transactionId(`00000000-0000-4000-8000-${String(number).padStart(12, '0')}`);
  const statement = {
    kind: 'completion',
    tid,
    decision: 'commit',
    initiator: initiatorId(0),
  } as const;
  const signed = signStatement(initiatorSign(signer), cluster.id, statement);
  return { kind: 'record', record: signed } as const;
}

/** Checks of statements that were made while it ran; those that are remembered aside. */
export function checksOf(run: () => void): number {
  const before = costs.statementsChecked;
  run();
  return costs.statementsChecked - before;
}
