import { expect, it } from 'vitest';
import { besideBefore } from '../../bench/ordering/before.js';
import type { Contender } from '../../bench/ordering/processes/contenders.js';
import type { ProcessFigures, ProcessResults } from '../../bench/ordering/processes/run.js';
import { median } from '../../bench/support/statistics.js';

const start = () => Promise.reject(new Error('not started'));
const contenders: Contender[] = [
  { name: 'antipaxos', engine: 'antipaxos', isOther: false, start },
  { name: 'pbft', engine: 'pbft', isOther: false, start },
  { name: 'antipaxos of before', engine: 'antipaxos', isOther: true, start },
  { name: 'pbft of before', engine: 'pbft', isOther: true, start },
];

function figures(requestsPerSecond: number): ProcessFigures {
  const others = { busiestUsPerRequest: 1, replicasUsPerRequest: 1, clientsUsPerRequest: 1 };
  return { requestsPerSecond, p50Ms: 1, p99Ms: 1, ...others, requestsPerProcessorSecond: 1 };
}

it('compares the best with the best of before, and each with itself, round by round', () => {
  const rounds = {
    antipaxos: [100, 200, 300],
    pbft: [90, 90, 90],
    'antipaxos of before': [80, 250, 100],
    'pbft of before': [200, 200, 100],
  };
  const engines = Object.fromEntries(
    Object.entries(rounds).map(([name, all]) => [name, figures(median(all))]),
  );
  const load = { clients: 400, requestBytes: 500, sign: true };
  const results: ProcessResults = {
    results: [{ ...load, engines, rounds }],
    executed: {},
    positions: {},
    troubles: {},
  };
  expect(besideBefore(contenders, [results])).toEqual([
    {
      clients: 400,
      requestBytes: 500,
      signed: 'yes',
      best: { name: 'antipaxos', requestsPerSecond: 200 },
      bestBefore: { name: 'pbft of before', requestsPerSecond: 200 },
      // 0.5, 1 and 3.
      ratio: 1,
      ratios: { antipaxos: 1.25, pbft: 0.45 },
    },
  ]);
  expect(besideBefore(contenders.slice(0, 2), [results])).toEqual([]);
});
