import { expect, it } from 'vitest';
import { type TransferLatency, transferLatency } from '../../bench/simulated/transfer-latency.js';

it('over a wide area the two agreements of a transfer take a fifth less in two steps than in three', () => {
  const [three, two] = [transferLatency('three-phase'), transferLatency('two-step')];
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
  const sum = ({ activationMs, outcomeMs }: TransferLatency) => activationMs + outcomeMs;
  expect(sum(two)).toBeLessThanOrEqual(0.8 * sum(three));
});
