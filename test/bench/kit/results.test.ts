import { describe, expect, it } from 'vitest';
import { type Round, summaries } from '../../../bench/kit/results.js';
import { processorTable, throughputTable } from '../../../bench/kit/tables.js';
import type { Figures } from '../../../bench/transfer/window.js';

function figures(transfersPerSecond: number, nodes: Readonly<Record<string, number>>): Figures {
  const cpuMsPerTransfer = Object.values(nodes).reduce((sum, ms) => sum + ms, 0);
  return {
    ...{ transfers: 100, transfersPerSecond, meanMs: 50, p50Ms: 49, p99Ms: 80 },
    ...{ activationMs: 10, twoPhaseCommitMs: 13, cpuMsPerTransfer },
    busiestProcessCpuMsPerTransfer: Math.max(...Object.values(nodes)),
    clientCpuMsPerTransfer: 2,
    cpuMsPerTransferByNode: nodes,
  };
}

/** The machine is half as fast in the second round: figures fall, ratios do not. */
const rounds: readonly Round[] = [1, 2, 1.25].map(
  (slowness, index) =>
    new Map([
      ['bank', figures(40 / slowness, { 'coordinator-0': 20, 'initiator-0': 5, 'bank-a': 3 })],
      [
        'postgres',
        figures((20 + index) / slowness, { 'coordinator-0': 20, 'postgres-a': 8, postgres: 30 }),
      ],
    ]),
);

describe('what the rounds of the kit show', () => {
  it('is compared with the bank of the same round', () => {
    const [bank, postgres, ...others] = summaries(rounds);
    expect(others).toEqual([]);
    expect(bank).toMatchObject({
      way: 'bank',
      transfersPerSecond: { median: 32, min: 20, max: 40 },
      ratio: { median: 1, min: 1, max: 1 },
      processorMs: { coordinators: 20, initiators: 5, participants: 3, clients: 2 },
      processorMsOfAll: 30,
    });
    expect(postgres).toMatchObject({
      way: 'postgres',
      ratio: { median: 0.53, min: 0.5, max: 0.55 },
      processorMs: { coordinators: 20, initiators: 0, participants: 38, clients: 2 },
      processorRatio: { median: 2, min: 2, max: 2 },
    });
  });

  it('has no figures of what is missing in a round', () => {
    expect(() => summaries([...rounds, new Map()])).toThrow(RangeError);
  });

  it('is Markdown with a line for each way', () => {
    const ways = summaries(rounds);
    expect(throughputTable(ways)).toBe(
      '| made by | transfers/s | ratio | p50 ms | p99 ms |\n|---|---|---|---|---|\n' +
        '| bank (the base) | 32.0 (20.0–40.0) | 1.00 (1.00–1.00) | 49 | 80 |\n' +
        '| kit, PostgreSQL | 17.6 (10.5–20.0) | 0.53 (0.50–0.55) | 49 | 80 |\n',
    );
    expect(processorTable(ways)).toContain(
      '| kit, PostgreSQL | 20.0 | 0.0 | 38.0 | 2.0 | 60.0 | 2.00 (2.00–2.00) |',
    );
  });
});
