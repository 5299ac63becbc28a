import { expect, it } from 'vitest';
import { type ProofSummary, summaryText } from '../../src/cli/proof-summary.js';
import { enlistmentId, participantId, transactionId } from '../../src/kernel/ids.js';

type Outcome = Extract<ProofSummary, { kind: 'outcome' }>;

const of = (name: string, vote: Outcome['participants'][number]['vote']) => ({
  participant: participantId(name),
  enlistment: enlistmentId(`${name}.1`),
  protocol: 'durable' as const,
  vote,
});

function text(outcome: Outcome['outcome'], participants: Outcome['participants']): string {
  return summaryText({
    kind: 'outcome',
    transactionId: transactionId('00000000-0000-8000-8000-000000000001'),
    outcome,
    cluster: 'test' as Outcome['cluster'],
    view: 0 as Outcome['view'],
    coordinators: ['coordinator-0'],
    coordinatorsNeeded: 1,
    initiators: [],
    participants,
  });
}

it('names who refused, each once, and whose vote is not there', () => {
  const aborted = text('aborted', [
    of('hotel', 'aborted'),
    of('hotel', 'aborted'),
    of('bank-a', 'prepared'),
    of('bank-b', undefined),
  ]);
  expect(aborted).toContain('\nrefused by    hotel\nno vote of    bank-b\n');
  const committed = text('committed', [of('hotel', 'prepared'), of('bank-b', undefined)]);
  expect(committed).not.toMatch(/refused by|no vote of/);
});
