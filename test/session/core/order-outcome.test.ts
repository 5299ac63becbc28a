import { describe, expect, it } from 'vitest';
import type { OutcomeValue } from '../../../src/agreement/messages.js';
import { orderOutcome } from '../../../src/session/core/orders.js';
import { Evidence } from '../../support/evidence.js';
import { testCluster } from '../../support/keys.js';

const evidence = new Evidence(testCluster());
const { record, registration } = {
  record: evidence.record.bind(evidence),
  registration: evidence.registration.bind(evidence),
};

function reason(over: Partial<OutcomeValue>): string | undefined {
  const outcome = orderOutcome(evidence.commitValue({ outcome: 'abort', ...over }));
  return outcome.kind === 'aborted' ? outcome.reason : undefined;
}

describe('the outcome of an order', () => {
  it('is that of its transaction', () => {
    expect(orderOutcome(evidence.commitValue())).toEqual({ kind: 'committed' });
    expect(orderOutcome(evidence.commitValue({ records: [] }))).toEqual({ kind: 'committed' });
  });

  it('names the banks that voted against it', () => {
    const records = [record('bank-b', 'aborted'), record('bank-a', 'aborted')];
    expect(reason({ reason: 'vote', records })).toBe('refused by bank-a, bank-b');
    const one = [record('bank-a'), record('bank-b', 'aborted')];
    expect(reason({ reason: 'vote', records: one })).toBe('refused by bank-b');
  });

  it('names the banks that did not vote', () => {
    const records = [record('bank-a'), { registration: registration('bank-b') }];
    expect(reason({ reason: 'timeout', records })).toBe('no vote in time from bank-b');
    expect(reason({ reason: 'timeout', records: [] })).toBe('not completed in time');
  });

  it('names nobody where the initiators took it back', () => {
    const records = [{ registration: registration('bank-b') }];
    const why = 'a bank refused it or did not answer in time';
    expect(reason({ reason: 'rollback', records })).toBe(why);
  });
});
