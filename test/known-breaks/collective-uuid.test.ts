import { describe, expect, it } from 'vitest';
import type { ActivationValue } from '../../src/agreement/messages.js';
import { collectiveTransactionId } from '../../src/agreement/values.js';
import { Evidence } from '../support/evidence.js';
import { testCluster } from '../support/keys.js';

const BITS = 128n;
const target = 0xc0ffeen;

const evidence = new Evidence(testCluster());
const uuidsOf = ({ proposals }: ActivationValue) =>
  proposals.map(({ statement }) => BigInt(`0x${statement.uuid}`));

/** The primary's value, made when the proposals of all others were known to it. */
function valueOfLiar(uuid: bigint): ActivationValue {
  const { proposals } = evidence.activationValue();
  const own = evidence.proposal(0, { uuid: uuid.toString(16).padStart(32, '0') });
  return evidence.activationValue({ proposals: [own, ...proposals.slice(1)] });
}

/** What makes the sum of all proposals the target. */
function lastWord(): bigint {
  const others = uuidsOf(evidence.activationValue()).slice(1);
  return BigInt.asUintN(Number(BITS), target - others.reduce((sum, one) => sum + one, 0n));
}

describe('an id that the last one to speak chooses (Zhao §4.1 combines proposals arithmetically)', () => {
  /** Sums stand for averages: one follows from the other. */
  const sumOf = (value: ActivationValue) =>
    BigInt.asUintN(
      Number(BITS),
      uuidsOf(value).reduce((sum, one) => sum + one, 0n),
    );
  const idOf = (value: ActivationValue) =>
    BigInt(`0x${collectiveTransactionId(value).replaceAll('-', '')}`);

  it('broken, a sum or an average is what the primary wants', () => {
    expect(sumOf(valueOfLiar(lastWord()))).toBe(target);
  });

  it('ours is a hash over all proposals: the same choice leads nowhere, and each try elsewhere', () => {
    expect(idOf(valueOfLiar(lastWord()))).not.toBe(target);
    const tries = Array.from({ length: 200 }, (_, index) => idOf(valueOfLiar(BigInt(index))));
    expect(new Set(tries).size).toBe(200);
  });
});
