import { describe, expect, it } from 'vitest';
import { measuredCosts } from '../../bench/simulated/costs.js';
import { fourContinents, roundTripMs, twoContinents } from '../../bench/simulated/deployments.js';
import { regionLatencies } from '../../bench/simulated/region-clients.js';
import { resilience } from '../../src/kernel/ids.js';
import { expectedLatencyMs } from '../../src/ordering/expected-latency.js';

/**
 * What the model of the benchmark adds: batches, processors, disks, and the way to the client in its region; and where
 * the instance before is not executed yet, ezBFT's client waits for that.
 */
const besidesMs = 20;

describe.each([fourContinents, twoContinents])('$name', (deployment) => {
  const { regions } = deployment;
  const oneWayMs = regions.map((_, a) =>
    regions.map((__, b) => (a === b ? 0 : roundTripMs(deployment, a, b) / 2)),
  );

  it.each(['ezbft', 'fab', 'pbft'] as const)(
    '%s takes as long as the production engine in virtual time',
    (engine) => {
      const expected = expectedLatencyMs(engine, resilience(4, 1), oneWayMs);
      const setting = { engine, deployment, primary: 0, contention: 0, costs: measuredCosts };
      const { byRegionMs } = regionLatencies(setting);
      for (const [region, ms] of byRegionMs.entries()) {
        expect(ms).toBeGreaterThan(expected[region] ?? 0);
        expect(ms).toBeLessThan((expected[region] ?? 0) + besidesMs);
      }
    },
  );
});

it('counts the messages of each engine, where all ways are alike', () => {
  const oneWayMs = [0, 1, 2, 3].map((a) => [0, 1, 2, 3].map((b) => (a === b ? 0 : 1)));
  const of = (engine: 'antipaxos' | 'pbft' | 'fab' | 'ezbft') =>
    expectedLatencyMs(engine, resilience(4, 1), oneWayMs);
  // The answers of f + 1 replicas are one more; a client beside the primary has one way less.
  expect(of('pbft')).toEqual([4, 5, 5, 5]);
  expect(of('fab')).toEqual([3, 4, 4, 4]);
  expect(of('ezbft')).toEqual([2, 2, 2, 2]);
  expect(of('antipaxos')).toEqual([4, 4, 4, 4]);
});
